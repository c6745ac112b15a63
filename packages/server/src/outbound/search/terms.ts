/** Text into the terms that BM25 counts, and Chinese into something an English model can read. */
import { stemmer } from "stemmer";
import { VOCABULARY } from "./vocabulary.ts";

/** A listing's description is at most 4,096 characters; nothing longer carries more meaning. */
const TEXT_CHARS_MAX = 4096;
/** Words longer than this are keys, hashes or an attack. */
const WORD_CHARS_MAX = 40;
/** Longest entries of the vocabulary: in English words, and in Chinese characters. */
const PHRASE_WORDS_MAX = 4;
const HAN_CHARS_MAX = 6;

const HAN = /\p{Script=Han}/u;
const HAN_RUNS = /\p{Script=Han}+/gu;
/** Scripts that may be written without spaces between words. ICU knows where the words are. */
const NEEDS_SEGMENTER = /[^\p{Script=Latin}\p{N}\p{P}\p{S}\p{Z}\p{C}]/u;
const WORDS = /[\p{L}\p{N}]+(?:['’]\p{L}+)?/gu;
/** What an apostrophe adds to a word: don't, they've, today's. */
const CLITIC = /['’].*$/u;
const segmenter = new Intl.Segmenter("zh", { granularity: "word" });

/** Words that say nothing about what is wanted, among them the words of wanting. */
const STOP_WORDS = new Set(
  `a an and are as at be been but by can could did do does for from get had has have help how i if
  in into is it its make me my need no not of off on or our out please should show so some than that
  the their them then there they this to too up us want was we were what when where which who why
  will with would you your give tell don doesn didn isn aren wasn 的 了 和 与 或 是 在 有 没有 我 你 他 我们 把 被
  给 这 那 个 份 张 吗 呢 吧 里 上 中 也 都 就 很 请 想 要 需要 帮 帮我 一 一个 一份 一张 怎么 什么 怎样 如何 等`.split(
    /\s+/,
  ),
);

/**
 * The terms of a text, repeated as often as they occur: stems of Latin words, Chinese words and,
 * because no two segmentations agree, the pairs of characters within longer ones; and for each word
 * of the vocabulary the concepts that it stands for (`#12`), under which its synonyms meet.
 */
export function termsOf(text: string): string[] {
  const plain = normalise(text);
  const words = wordsOf(plain);
  return [...words, ...conceptsOf(plain)];
}

/**
 * Chinese text word by word in English, as far as the vocabulary goes; other text as it is. No
 * translation, but enough for an embedding of what it is about. Empty when nothing was known.
 */
export function readAsEnglish(text: string): string {
  if (!HAN.test(text)) return text.slice(0, TEXT_CHARS_MAX);
  return normalise(text)
    .replace(HAN_RUNS, (run) => ` ${glossesOf(run).join(" ")} `)
    .replace(/[^\p{L}\p{N}']+/gu, " ")
    .trim();
}

/** `text_to_sql`, `face-detect` and `imageTagging` as words. */
export function wordsOfSlug(slug: string): string {
  return slug.replace(/[._-]+/g, " ").replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2");
}

function normalise(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX).normalize("NFKC").toLowerCase();
}

function wordsOf(plain: string): string[] {
  return rawWords(plain).flatMap((raw) => {
    const word = raw.replace(CLITIC, "");
    if (word.length > WORD_CHARS_MAX || STOP_WORDS.has(word)) return [];
    if (!HAN.test(word)) return [stemmer(word)];
    return word.length > 2 ? [word, ...pairsOf(word)] : [word];
  });
}

function rawWords(plain: string): string[] {
  if (!NEEDS_SEGMENTER.test(plain)) return plain.match(WORDS) ?? [];
  const words: string[] = [];
  for (const { segment, isWordLike } of segmenter.segment(plain)) {
    if (isWordLike) words.push(segment);
  }
  return words;
}

function pairsOf(word: string): string[] {
  return Array.from({ length: word.length - 1 }, (_, at) => word.slice(at, at + 2));
}

interface Concepts {
  /** From the stems of a phrase, joined by spaces. */
  readonly english: ReadonlyMap<string, readonly string[]>;
  readonly chinese: ReadonlyMap<string, readonly { concept: string; gloss: string }[]>;
}
const CONCEPTS = readVocabulary();

function readVocabulary(): Concepts {
  const english = new Map<string, string[]>();
  const chinese = new Map<string, { concept: string; gloss: string }[]>();
  for (const [index, line] of VOCABULARY.trim()
    .split(/\n(?! )/)
    .entries()) {
    const [left = "", right = ""] = line.split("|");
    const phrases = left.split(",").map((phrase) => phrase.trim().replace(/\s+/g, " "));
    const gloss = phrases[0] ?? "";
    const concept = `#${index}`;
    for (const phrase of phrases) append(english, wordsOf(normalise(phrase)).join(" "), concept);
    for (const word of right.split(",").map(normalise)) {
      append(chinese, word.trim(), { concept, gloss });
    }
  }
  english.delete("");
  chinese.delete("");
  return { english, chinese };
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function conceptsOf(plain: string): string[] {
  const stems = wordsOf(plain.replace(HAN_RUNS, " "));
  const english = longestMatches(stems.length, PHRASE_WORDS_MAX, (from, to) =>
    CONCEPTS.english.get(stems.slice(from, to).join(" ")),
  );
  const chinese = (plain.match(HAN_RUNS) ?? []).flatMap(matchHan).map(({ concept }) => concept);
  return [...english.flat(), ...chinese];
}

function glossesOf(run: string): string[] {
  return matchAllHan(run).map(([first]) => first?.gloss ?? "");
}

function matchHan(run: string): readonly { concept: string; gloss: string }[] {
  return matchAllHan(run).flat();
}

function matchAllHan(run: string): (readonly { concept: string; gloss: string }[])[] {
  return longestMatches(run.length, HAN_CHARS_MAX, (from, to) =>
    CONCEPTS.chinese.get(run.slice(from, to)),
  );
}

/** Walks from left to right and takes the longest thing that `find` knows at each place. */
function longestMatches<T>(
  length: number,
  longest: number,
  find: (from: number, to: number) => T | undefined,
): T[] {
  const found: T[] = [];
  let from = 0;
  while (from < length) {
    let to = Math.min(length, from + longest);
    let match = find(from, to);
    while (match === undefined && to > from + 1) {
      to -= 1;
      match = find(from, to);
    }
    if (match !== undefined) found.push(match);
    from = to;
  }
  return found;
}
