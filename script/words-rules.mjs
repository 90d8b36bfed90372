// The rules of words.mjs, from docs/contribute/words.md. Each rule has
// - name: the name that a hit has in the output
// - kinds: the kinds of texts that it applies to
// - pattern: the words to find, or find: a function that returns the matches in a text. 'only' can leave out texts
// - write: what to write instead
// - bad, good: samples that it must find and must not find, which words.mjs checks at each start

// Operators read the command line, settings, logs and the output of scripts.
const EVERYWHERE = ["page", "email", "operator", "document", "comment"];
const MESSAGES = ["page", "email", "operator"];
const READERS = ["page", "email"];
const NOT_PAGES = EVERYWHERE.filter((kind) => !READERS.includes(kind));

// Words that an indirect question can follow: "check what went wrong".
const ASKING = new RegExp(
  `\\b(${[
    "says?|said|saying|sees?|seen|seeing|knows?|knew|known|knowing|checks?|checked|checking|tells?|told|telling|shows?|shown|showed",
    "decides?|decided|deciding|explains?|explaining|(?:finds?|found|finding|figure) out|asks?|asked|asking|describes?|describing",
    "learns?|understands?|remembers?|guess(?:es)?|determines?|defines?|records?|about|depends? on|regardless of|no matter|matters?",
    "clear|unclear|sure|certain|choose|chooses|discuss(?:es)?|wonders?|verif(?:y|ies)|teach(?:es)?|wait to see|look(?:s|ing)? at|unaware of",
  ].join("|")})\\b`,
  "i",
);

// After these words, "who" stands for a person.
const SUBORDINATE = /\b(that|because|if|when|while|so|unless|than|until|before|for|to|from|by|with|then)\s*$/i;

// Finds a "who" or "what" clause that stands for a person or a thing. Questions, indirect questions, relative clauses
// ("anyone who asks") and titles ("Who can do what") are fine.
function* headless(text, { fragment, isTitle }) {
  yield* text.matchAll(/\b(?:whoever|whomever)\b/gi);
  for (const match of text.matchAll(/\b(?:who|whom|what)\b(?=(?:'s|’s)?\s+[\p{L}`□])/giu)) {
    const before = text.slice(0, match.index);
    const after = text.slice(match.index);
    const isQuestion = /^[^.!?]*\?/.test(after);
    const isQuoted = /["“*[]$/.test(before);
    if (isQuestion || isQuoted || /^what\s+(?:to|else|kind|sort|you)\b/i.test(after)) continue;

    // The sentence up to here, and its last words after a colon or semicolon.
    const [sentence] = before.split(/(?<=[.!?…][)"”*]*)\s/).reverse();
    const prefix = sentence.replace(/^[\s"“'(*>[-]+/, "");
    const [clause] = prefix.split(/[:;]\s/).reverse();
    const lastWords = clause.trim().split(/\s+/).slice(-5).join(" ");
    const word = match[0].toLowerCase();
    const isIndirectQuestion =
      ASKING.test(lastWords) || (ASKING.test(prefix) && /(?:\b(?:and|or|but|nor|exactly|only|not)|,)\s*$/i.test(prefix));
    if (prefix === "") {
      if (!isTitle && (!fragment || /^[A-Z]/.test(match[0]))) yield match;
    } else if (word === "who" && SUBORDINATE.test(prefix)) yield match;
    else if (isIndirectQuestion) continue;
    else if (word === "what" || /[:;]\s*$/.test(prefix)) yield match;
  }
}

// Finds "is changed" for something that someone did. It is right in a condition ("until it is confirmed"), for a rule
// ("Registrations are deleted after 7 days") and for a state ("This account is linked to another one").
function* statives(text) {
  const pattern =
    /\bis (?:changed|deleted|confirmed|over)\b|\b(?:Your|Their|These|Those) [^.!?]*?\b(?:is|are) (?:changed|deleted|confirmed|linked|over)\b/g;
  const condition = /\b(?:until|[Ww]hen|[Ii]f|[Oo]nce|before|[Aa]fter|[Ww]hile|unless|that|which|who|whose)\b/;
  for (const match of text.matchAll(pattern)) {
    const before = text.slice(0, match.index);
    const [clause] = before.split(/[.!?:;]\s/).reverse();
    if (!condition.test(clause)) yield match;
  }
}

export const RULES = [
  {
    name: "headless who/what",
    kinds: EVERYWHERE,
    find: headless,
    write: 'the person or thing: "anyone who …", "people who …", "failed emails"',
    bad: [
      "Who waits is listed.",
      "Whoever has it can sign in.",
      "Ask whoever runs it.",
      "What was given up is listed.",
      "It lists what failed.",
      "Redis is down: who is signed in gets 503.",
      "Parts to depend on: what people see",
      "It is shown so that who asks can see it.",
    ],
    good: [
      "Who can sign in?",
      "Check what went wrong.",
      "It says what happened and what to do.",
      "Anyone who asks gets it.",
      "People who wait see it.",
      "A person to whom it belongs.",
      "It shows who approved them, and who asked.",
      "What to do next",
      "Shorten what you entered.",
      "Do you know what it is?",
    ],
  },
  {
    name: "question word in a doc comment",
    kinds: ["comment"],
    only: ({ docStart }) => docStart,
    pattern: /^(?:Who|Whose|Whom|What|Whether|When|Where|How|Which|Why)\b/g,
    write: 'a sentence ("Returns the …", "Checks if …"), or a noun phrase ("The time of …")',
    bad: ["Whose.", "When it was sent.", "Whether this is the user.", "What it says."],
    good: ["The time at which it was sent.", "Returns true if it matches.", "Whitespace is removed."],
  },
  {
    name: "shut out",
    kinds: EVERYWHERE,
    pattern: /\bshut(?:s|ting)?(?: \w+)? out\b/gi,
    write: '"block"',
    bad: ["They are shut out.", "It shuts people out."],
    good: ["The server shuts down.", "They are locked out."],
  },
  {
    name: "let in",
    kinds: EVERYWHERE,
    pattern:
      /\blet(?:s|ting)?(?: (?:them|him|her|you|me|us|people|anyone|someone|users|members|others|the others))? in\b(?! (?:the|an?|this|each|one)\b)/gi,
    write: '"approve", "allow" or "give access"',
    bad: ["An administrator lets them in.", "Let in by ada."],
    good: ["It lets clients sign in.", "This lets an attacker in no time", "a letter in it"],
  },
  {
    name: "mail",
    kinds: EVERYWHERE,
    // Not in a name or a path, and not in "mail server" or the command "mail test".
    pattern: /(?<![-/_.@$#])\b(?:[Mm]ails?|mailed|mailing)\b(?! (?:server|client|program|list|relay|test)s?\b)(?![-/_@.:=]\w)/g,
    write: '"email" for the message and the verb; "mail server" stays',
    bad: [
      "a mail",
      "We mail you a link.",
      "Two mails were sent.",
      "We mailed it.",
      "Mail leaves later.",
      "You get this mail because you asked.",
    ],
    good: [
      "an email",
      "the mailbox",
      "Mail server",
      "MAIL_RATE",
      "/dev/mail",
      "open /admin/mail now",
      "vestibule mail test --to x",
      "mail.example.org",
      "a mail client",
    ],
  },
  {
    name: "anew",
    kinds: EVERYWHERE,
    pattern: /\banew\b/gi,
    write: '"again"',
    bad: ["It starts anew."],
    good: ["It is a new one."],
  },
  {
    name: "go on",
    kinds: EVERYWHERE,
    pattern: /\b(?:go|goes|went|gone) on\b(?! (?:hold|the|an?)\b)/gi,
    write: '"continue"',
    bad: ["Sign in to go on.", "The portal goes on."],
    good: ["They go on hold.", "It is going on."],
  },
  {
    name: "once more",
    kinds: EVERYWHERE,
    pattern: /\bonce more\b/gi,
    write: '"again"; for a second field "Confirm …"',
    bad: ["Password once more"],
    good: ["It works once. More follows."],
  },
  {
    name: "at once",
    kinds: EVERYWHERE,
    pattern: /\bat once\b/gi,
    write: '"immediately", or "at the same time"',
    bad: ["They are signed out at once.", "Several start at once."],
    good: ["It happens immediately.", "at one time"],
  },
  {
    name: "any more",
    kinds: EVERYWHERE,
    pattern: /\b(?:any more|anymore)\b/gi,
    write: '"no longer"',
    bad: ["It does not work any more."],
    good: ["It no longer works.", "many more"],
  },
  {
    name: "made at",
    kinds: READERS,
    pattern: /\bmade at\b/gi,
    write: '"Last updated"',
    bad: ["Made at 24 Nov"],
    good: ["Last updated 24 Nov"],
  },
  {
    name: "beside",
    kinds: EVERYWHERE,
    pattern: /\bbeside\b/gi,
    write: '"next to", "as well as" or "in addition to"',
    bad: ["The file lies beside it."],
    good: ["It is next to it.", "proof besides access to the mailbox"],
  },
  {
    name: "alone",
    kinds: EVERYWHERE,
    pattern: /(?<!-)\balone\b/gi,
    only: ({ text }) => !/\b(?:leave|leaves|left|leaving)\b[^.]{0,40}\balone\b/i.test(text),
    write: '"only", or "on its own"',
    bad: ["on loopback alone", "The headers alone are a reason."],
    good: ["a stand-alone program", "It leaves the row alone.", "only on loopback"],
  },
  {
    name: "desk",
    kinds: EVERYWHERE,
    pattern: /(?<!\b(?:help|service|front)[ -])\bdesk\b(?!-)/gi,
    write: '"Admin" (menu), "admin pages", or the title of the page',
    bad: ["Open the desk", "Desk"],
    good: ["your help desk", "the desktop"],
  },
  {
    name: "-body",
    kinds: EVERYWHERE,
    pattern: /\b(?:some|any|no|every)body\b/gi,
    write: '"someone", "anyone", "no one", "everyone"',
    bad: ["Nobody is waiting", "It signs everybody out.", "somebody's"],
    good: ["no one", "the body of a request", "a person's email"],
  },
  {
    name: "bare address",
    kinds: READERS,
    pattern: /(?<!\b(?:email|IP|web|sender|network)[ -])\baddress(?:es)?\b/gi,
    write: '"email address", "IP address" or "web address"',
    bad: ["Your address is confirmed.", "Address", "We send it to the new address."],
    good: ["Your email address", "IP addresses", "the web address"],
  },
  {
    name: "n't",
    kinds: EVERYWHERE,
    pattern: /(?<!\bThis )\b\w+n['’]t\b|\bThis (?!wasn['’]t me\b)\w+n['’]t\b/g,
    write: '"cannot", "do not", "is not", in full',
    bad: ["It can't be reached.", "This isn't right.", "You don’t need it."],
    good: ["This wasn't me", "It cannot be reached.", "We'll email you."],
  },
  {
    name: "semicolon",
    kinds: READERS,
    pattern: /[\p{L}\p{N})'’"”];(?=\s)(?!\s[\w-]+=)/gu,
    write: "two sentences",
    bad: ["You are signed out; sign in again."],
    good: ["text/html; charset=utf-8", "You are signed out. Sign in."],
  },
  {
    name: "is changed",
    kinds: READERS,
    find: statives,
    write: '"has been changed", "has ended"',
    bad: [
      "Your password is changed.",
      "That session is over already.",
      "Your account is deleted.",
      "Your Microsoft account is linked.",
    ],
    good: [
      "Your password has been changed.",
      "It stays until you confirm it, or it is deleted.",
      "No Microsoft account is linked.",
      "Unconfirmed registrations are deleted after 7 days.",
      "That Microsoft account is linked to another account.",
    ],
  },
  {
    name: "nothing was changed",
    kinds: [...MESSAGES, "document"],
    pattern: /\bnothing (?:was|is|has been) changed\b/gi,
    write: '"Nothing has changed", at the end, or leave it out',
    bad: ["Nothing was changed: it is too late."],
    good: ["It is too late. Nothing has changed."],
  },
  {
    name: "please",
    kinds: EVERYWHERE,
    // `just` is fine for a time: `has just signed in`.
    pattern: /\b(?:please|oops|simply)\b|(?<!\b(?:have|has|had) |['’]ve )\bjust\b(?! (?:signed|been|entered|now)\b)/gi,
    write: "the sentence without it",
    bad: ["Please sign in.", "Oops", "Simply restart it.", "Just restart it."],
    good: ["Sign in.", "a simple rule", "You have just signed in."],
  },
  {
    name: "exclamation mark",
    kinds: [...MESSAGES, "document"],
    pattern: /[\p{L}\p{N})]!(?=\s|$)/gu,
    write: "a full stop",
    bad: ["Welcome!", "Done! Sign in."],
    good: ["a != b", "Welcome."],
  },
];

// Rules from the table "Terms" of docs/contribute/words.md, without the terms above: the pattern, the term to write, and a
// sample that it must find and one that it must not find.
const TERMS = [
  [
    /\b(?:take|takes|took|taken|taking)(?: it| that| this| the change)? back\b(?! from\b)/gi,
    "undo",
    "Take it back.",
    "Go back.",
  ],
  [
    /\b(?:is|was|are|were|been|being) given up\b|\bgiven-up\b/gi,
    "failed",
    "What was given up",
    "The worker gives up after a day.",
  ],
  [/\bstrangers?\b/gi, "visitor", "A stranger sees it.", "a strange thing"],
  [/\bmend(?:s|ed|ing)?\b/gi, "fix", "It has to be mended.", "recommended"],
  [/\bweighty\b/gi, "sensitive action", "before something weighty", "its weight"],
  [/\bamong the waiting\b/gi, "pending", "Put back among the waiting", "waiting for approval"],
  [
    /\b(?:temporary|present|real) one\b|\b(?:present|real) password\b/gi,
    "temporary password, current password",
    "Get a temporary one",
    "Get one",
    READERS,
  ],
  [/\b2FA\b|\bbackup codes?\b/g, "second factor, recovery codes", "Turn on 2FA", "a backup"],
  [
    /(?<!\b(?:the|a|each|this) )\blog(?:s|ged|ging)? (?:in|out)\b(?! (?:this|that|the|an?|each)\b)/gi,
    "sign in, sign out",
    "Log in first.",
    "Errors that browsers log in this test.",
  ],
  [/(?<!-)\blog[io]n(?:s|-page)?\b(?!-)/gi, "sign-in", "the login page", "open /login"],
  [
    /\b(?:is|are) (?:over|void)\b(?! \d)/gi,
    "has ended, has expired, no longer works",
    "The link is void.",
    "The link has expired.",
    NOT_PAGES,
  ],
  [
    /\b(?:a|one|each|every|many|more|of|the|two|three|failed|wrong) (?:try|tries)\b(?! again)/gi,
    "attempt",
    "after five wrong tries",
    "It tries again.",
  ],
  [/\b(?:put|puts|putting) back\b(?=[^.]*\bpending\b)/gi, "move back to pending", "Put back as pending", "Move back"],
  [/\bapplication's number\b/gi, "client ID", "the application's number", "the application's name"],
  [
    /\bRemove administrator\b(?! role)|\bWho I am\b|\bMy data\b|\bThis one\b|\bHeld\b/g,
    "Remove administrator role, Your details, Your data, This device, On hold",
    "My data",
    "Your data",
    ["page"],
  ],
  [/\blook(?:s|ed|ing)? (?:whether|if|after)\b/gi, "check", "Look whether it works.", "Look at it."],
  [
    /\b(?:an?|the|each|every|this|these|all|of|send|sends) notices?\b/gi,
    "notification",
    "Send the notices.",
    "It notices a change.",
  ],
  [/\bone's\b|\bwho one is\b/gi, "your", "changing one's email", "One is enough."],
].map(([pattern, term, bad, good, kinds = EVERYWHERE]) => ({
  name: `term: ${term}`,
  kinds,
  pattern,
  write: `"${term}"`,
  bad: [bad],
  good: [good],
}));
RULES.push(...TERMS);
