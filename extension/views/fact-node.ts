/** A row of a tree that only tells something: a label with its value. */
import * as vscode from 'vscode';

/** What the row tells. */
export interface FactNode {
  readonly kind: 'fact';
  readonly label: string;
  readonly value: string;
  /** A codicon's name. */
  readonly icon: string;
}

/** What went wrong, or is to be known of what stands above. */
export function warningFact(label: string): FactNode {
  return { kind: 'fact', label, value: '', icon: 'warning' };
}

/** The row: nothing lies below it, and the tooltip has what a narrow view cuts off. */
export function factItem({ label, value, icon }: FactNode): vscode.TreeItem {
  const item = new vscode.TreeItem(label);
  item.description = value;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.tooltip = `${label}: ${value}`;
  return item;
}
