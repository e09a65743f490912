/** The box that asks for an address. What is typed and is no address is said below it, and stays to be mended. */
import * as vscode from 'vscode';
import { addressOfToken, isBeyond } from './address.ts';

/** The address in the protocol's form; undefined where nobody wants to give one. */
export async function askForAddress(title: string, example: string): Promise<string | undefined> {
  const text = await vscode.window.showInputBox({
    title,
    placeHolder: example,
    validateInput: (value) => (addressOfToken(value.trim()) === undefined ? addressProblem(value) : undefined),
  });
  return text === undefined ? undefined : addressOfToken(text.trim());
}

/** Why a text with numbers in it is refused. */
export function addressProblem(text: string, form = vscode.l10n.t('Write 0x and hexadecimal digits.')): string {
  return isBeyond(text) ? vscode.l10n.t('That is beyond 64 bits.') : form;
}
