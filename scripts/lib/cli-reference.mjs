/** The commands' reference in Markdown, as the commands describe themselves. `program` is commander's. */
export function cliReference(program) {
  const parts = [
    '# Command line',
    'Written by `npm run generate` from the commands themselves; `batch COMMAND --help` shows the same.',
    options('Options of all commands', program),
    afterwards(program),
    ...leaves(program, []).map(({ command, path }) => section(command, path)),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function leaves(command, path) {
  return command.commands.length === 0
    ? [{ command, path }]
    : command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
}

function section(command, path) {
  const help = command.createHelp();
  return [
    `## batch ${path.join(' ')}`,
    help.commandDescription(command),
    fenced(help.commandUsage(command)),
    table(
      'argument',
      help.visibleArguments(command).map((each) => [each.name().toUpperCase(), help.argumentDescription(each)]),
    ),
    options('', command),
    afterwards(command),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function options(title, command) {
  const help = command.createHelp();
  const listed = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const rows = table(
    'option',
    listed.map((option) => [help.optionTerm(option), help.optionDescription(option)]),
  );
  return title === '' || rows === '' ? rows : `## ${title}\n\n${rows}`;
}

function table(what, rows) {
  if (rows.every(([, description]) => description === '')) return '';
  const lines = rows.map(([name, description]) => `| \`${name}\` | ${escaped(description)} |`);
  return [`| ${what} | meaning |`, '|---|---|', ...lines].join('\n');
}

const escaped = (text) => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '\\<');

/** What `--help` shows below the options. */
function afterwards(command) {
  let shown = '';
  command.configureOutput({ writeOut: (text) => (shown += text), getOutHelpWidth: () => 100 }).outputHelp();
  const text = shown.slice(command.helpInformation().length).trim();
  return text === '' ? '' : fenced(text);
}

const fenced = (text) => `\`\`\`text\n${text}\n\`\`\``;
