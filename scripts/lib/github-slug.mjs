/** The anchor that GitHub gives a heading of this text, but for the number of one that comes again. */
export function githubSlug(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}
