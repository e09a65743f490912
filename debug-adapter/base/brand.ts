declare const brand: unique symbol;

/** A nominal type over `Base`: values of different brands do not mix although they share a representation. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
