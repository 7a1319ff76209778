/** Where Nest finds the open database. */
export const DATABASE = Symbol('database');
