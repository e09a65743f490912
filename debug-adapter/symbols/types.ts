/**
 * C types as the kernel's BTF (or outside type information) describes them. Nothing is expanded before it is asked for:
 * `target`, `element`, `members` and the like are read on first use.
 */

export interface IntegerType {
  readonly kind: 'integer';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly encoding: 'number' | 'char' | 'bool';
}

/** A floating-point type; `size` in bytes. */
export interface FloatType {
  readonly kind: 'float';
  readonly name: string;
  readonly size: number;
}

/** A pointer; `size` in bytes. */
export interface PointerType {
  readonly kind: 'pointer';
  readonly size: number;
  readonly target: Type;
}

/** An array with its length. */
export interface ArrayType {
  readonly kind: 'array';
  readonly element: Type;
  /** Elements; 0 for flexible arrays. */
  readonly count: number;
}

/** A struct or union with its body; `size` in bytes. */
export interface StructType {
  readonly kind: 'struct' | 'union';
  /** Without the keyword; empty for an anonymous one. */
  readonly name: string;
  readonly size: number;
  readonly members: readonly Member[];
}

/** A member of a struct or union. */
export interface Member {
  /** Empty for an anonymous struct or union member. */
  readonly name: string;
  readonly type: Type;
  /** From the start of the struct, in bits. */
  readonly bitOffset: number;
  /** Set for bit-fields only, in bits. */
  readonly bitSize: number | undefined;
}

/** An enumeration with its names; `size` in bytes. */
export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
}

/** A name for another type. */
export interface TypedefType {
  readonly kind: 'typedef';
  readonly name: string;
  readonly target: Type;
}

/** A type with a qualifier, or with an annotation of the kernel's (BTF_KIND_TYPE_TAG). */
export interface QualifiedType {
  readonly kind: 'qualified';
  readonly qualifier: 'const' | 'volatile' | 'restrict' | 'tag';
  /** The tag's text for `tag` (e.g. `__percpu`), else empty. */
  readonly tag: string;
  readonly target: Type;
}

/** A function by its result and parameters. */
export interface FunctionType {
  readonly kind: 'function';
  readonly returns: Type;
  readonly parameters: readonly { readonly name: string; readonly type: Type }[];
}

/** C's void, and what damaged type information comes to. */
export interface VoidType {
  readonly kind: 'void';
}

/** A type that is only declared. */
export interface ForwardType {
  readonly kind: 'forward';
  readonly name: string;
  readonly union: boolean;
}

/** Any type of C, told apart by `kind`. */
export type Type =
  | IntegerType
  | FloatType
  | PointerType
  | ArrayType
  | StructType
  | EnumType
  | TypedefType
  | QualifiedType
  | FunctionType
  | VoidType
  | ForwardType;

/** A member found by path, through anonymous members and typedefs. */
export interface MemberLocation {
  readonly type: Type;
  /** From the start of the outermost struct, in bytes (of the bit-field's first byte for a bit-field). */
  readonly offset: number;
  readonly bitOffset: number;
  readonly bitSize: number | undefined;
}

/** Types by name, whoever tells them: BTF, or several such tables in one. */
export interface TypeTable {
  /** For `info`, e.g. `BTF in the dump`. */
  readonly source: string;
  /** Bytes of a pointer. */
  readonly pointerSize: 4 | 8;
  /** The struct or union of this name (without keyword), the one with a body before a forward declaration. */
  struct(name: string): StructType | undefined;
  /** `enum NAME`; undefined when there is none, or it is only declared. */
  enum(name: string): EnumType | undefined;
  /** A typedef, or an integer or float type of this name. */
  typedef(name: string): Type | undefined;
  /** Value of an enumerator by its name, in whatever enum it stands. */
  enumerator(name: string): bigint | undefined;
  /** Declared per-CPU variables and other variables that the type information knows. */
  variable(name: string): Type | undefined;
  /** Parses a C type name: `struct page *`, `unsigned long`, `u64`, `enum zone_type`, `char[16]`… */
  parse(text: string): Type | undefined;
  /** Names of structs, unions, enums and typedefs that begin with `prefix`, at most `limit`, for completion. */
  withPrefix(prefix: string, limit: number): readonly string[];
}
