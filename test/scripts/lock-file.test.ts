import { readFileSync } from 'node:fs';

interface Package {
  /** A package of this repository, in place. */
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Package> };

/** The entries that may satisfy a dependency of the package at `path`: nested ones first, as Node looks for them. */
function places(path: string, name: string): string[] {
  const parents = path === '' ? [''] : [path, ...parentsOf(path), ''];
  return parents.map((parent) => `${parent === '' ? '' : `${parent}/`}node_modules/${name}`);
}

function parentsOf(path: string): string[] {
  const at = path.lastIndexOf('/node_modules/');
  return at < 0 ? [] : [path.slice(0, at), ...parentsOf(path.slice(0, at))];
}

describe('package-lock.json', () => {
  it('has the optional packages of every platform, not only of the one where it was written', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !places(path, name).some((place) => place in packages))
        .map((name) => `${name}, for ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('names no registry', () => {
    expect(Object.values(packages).filter((each) => 'resolved' in each && each.link !== true)).toEqual([]);
  });
});
