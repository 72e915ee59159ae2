// The card that lists the keys.

export function openHelp(): void {}
