import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Colours, on terminals that want them. Off, each function returns its text as it is. */
export interface Paint {
  readonly isOn: boolean;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  accent(text: string): string;
}

/** Colours only on a TTY, and not where `NO_COLOR` or a dumb terminal says otherwise. */
export function createPaint(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const isOn = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const painter = (style: Style) => (text: string) =>
    isOn && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  return {
    isOn,
    bold: painter("bold"),
    dim: painter("dim"),
    good: painter("green"),
    warning: painter("yellow"),
    bad: painter("red"),
    accent: painter("cyan"),
  };
}
