/** Types as C declares them: `struct list_head *next`, `int (*handler)(int)`, `char comm[16]`. */
import { limits } from '../base/limits.ts';
import type { Type } from '../symbols/types.ts';

/** A declaration of `name` (which may be empty, for the type alone). */
export function declare(type: Type, name: string, depth = 0): string {
  if (depth > limits.typeDepth) return `… ${name}`;
  switch (type.kind) {
    case 'pointer': {
      const target = type.target.kind;
      // Arrays and functions bind tighter than the star.
      const inner = target === 'array' || target === 'function' ? `(*${name})` : `*${name}`;
      return declare(type.target, inner, depth + 1);
    }
    case 'array':
      return declare(type.element, `${name}[${type.count}]`, depth + 1);
    case 'function': {
      const parameters = type.parameters.map((parameter) => declare(parameter.type, '', depth + 1).trim()).join(', ');
      return declare(type.returns, `${name}(${parameters === '' ? 'void' : parameters})`, depth + 1);
    }
    case 'qualified':
      if (type.qualifier === 'tag') return declare(type.target, name, depth + 1);
      // A qualified pointer has its word behind the star.
      return type.target.kind === 'pointer'
        ? declare(type.target, `${type.qualifier} ${name}`.trim(), depth + 1)
        : `${type.qualifier} ${declare(type.target, name, depth + 1)}`;
    case 'struct':
    case 'union':
    case 'enum':
      return join(`${type.kind} ${type.name === '' ? '{…}' : type.name}`, name);
    case 'forward':
      return join(`${type.union ? 'union' : 'struct'} ${type.name}`, name);
    case 'void':
      return join('void', name);
    case 'integer':
    case 'float':
    case 'typedef':
      return join(type.name, name);
  }
}

function join(type: string, name: string): string {
  return name === '' ? type : `${type} ${name}`;
}
