/** The members of the type that lies over the bytes, with their values. */
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { hex } from './numbers.ts';
import { memberValue } from './overlay.ts';
import type { Overlay } from './overlay.ts';

/** What the pane is drawn from. */
export interface OverlayPaneModel {
  /** The byte at an offset of the type; undefined where it is missing. */
  readonly read: (offset: number) => number | undefined;
  readonly littleEndian: boolean;
  readonly cursor: bigint;
  readonly goTo: (address: bigint) => void;
  readonly follow: (address: bigint) => void;
  readonly close: () => void;
}

/** Members that are drawn. */
const mostRows = 500;

export function overlayPane(overlay: Overlay, model: OverlayPaneModel): TemplateResult {
  const { layout, parts, address } = overlay;
  const at = overlay.at(model.cursor);
  const end = hex(address + BigInt(layout.size));
  return html`<aside aria-label=${l10n.t('Members')} tabindex="0">
    <vscode-toolbar-button
      class="close"
      icon="close"
      label=${l10n.t('Take the type away')}
      title=${l10n.t('Take the type away')}
      @click=${model.close}
    ></vscode-toolbar-button>
    <h2><span class="mono">${layout.name}</span></h2>
    <p class="muted mono">${hex(address)}–${end} · ${l10n.t('{0} bytes', layout.size)}</p>
    <table>
      <tbody>
        ${parts.slice(0, mostRows).map((part) => {
          const { member } = part;
          const place = address + BigInt(member.offset);
          const value = memberValue(member, model.read, model.littleEndian);
          const isPointer = member.kind === 'pointer' && /^0x[0-9a-f]{4,}$/.test(value);
          return html`<tr class=${part === at ? 'at' : ''} title=${`${member.type} ${member.name}`}>
            <td class="mono offset">+${member.offset.toString(16)}</td>
            <th scope="row">
              <button
                class="name m${part.tint}"
                @click=${() => {
                  model.goTo(place);
                }}
              >
                ${member.name}
              </button>
            </th>
            <td class="mono value">
              ${
                isPointer
                  ? html`<button
                      class="pointer"
                      title=${l10n.t('Follow')}
                      @click=${() => {
                        model.follow(place);
                      }}
                    >
                      ${value}
                    </button>`
                  : value
              }
            </td>
          </tr>`;
        })}
      </tbody>
    </table>
    ${layout.cut || parts.length > mostRows ? html`<p class="muted">${l10n.t('There are more members than are listed.')}</p>` : nothing}
  </aside>`;
}
