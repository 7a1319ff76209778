import { registerHooks } from 'node:module';

// Lets Node run the kit's TypeScript as it is, outside jest: tells it where `.js` is `.ts`.
registerHooks({
  resolve: (specifier, context, next) =>
    next(context.parentURL?.endsWith('.ts') ? specifier.replace(/^(\..*)\.js$/, '$1.ts') : specifier, context),
});
