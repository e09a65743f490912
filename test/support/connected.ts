/** A connection to an adapter that listens on this machine. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(socket);
    });
    socket.on('error', reject);
  });
}
