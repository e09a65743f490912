/** Files beside the dump that a launch configuration names: in a folder that is not trusted, they are read only when somebody agrees. */

/** Attributes of a launch configuration that name such files. */
const outsideSources = ['symbols', 'types', 'vmlinux'] as const;

/** Those that a configuration names, `attribute: path` each. */
function namedSources(configuration: Readonly<Record<string, unknown>>): string[] {
  return outsideSources.flatMap((name) => {
    const value = configuration[name];
    return value === undefined || value === null || value === ''
      ? []
      : [`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`];
  });
}

/** The same configuration without them: the dump is then read with what it has itself. */
function withoutSources<Configuration extends Readonly<Record<string, unknown>>>(configuration: Configuration): Configuration {
  return Object.fromEntries(
    Object.entries(configuration).filter(([name]) => !(outsideSources as readonly string[]).includes(name)),
  ) as Configuration;
}

/** What somebody chose; undefined where nothing was. */
export type Choice = 'with' | 'without' | undefined;

/** The configuration to launch; undefined to launch nothing. `ask` is asked only where there is something to ask. */
export async function launchable<Configuration extends Readonly<Record<string, unknown>>>(
  configuration: Configuration,
  trusted: boolean,
  ask: (sources: readonly string[]) => Thenable<Choice>,
): Promise<Configuration | undefined> {
  const sources = trusted ? [] : namedSources(configuration);
  if (sources.length === 0) return configuration;
  const choice = await ask(sources);
  if (choice === undefined) return undefined;
  return choice === 'with' ? configuration : withoutSources(configuration);
}
