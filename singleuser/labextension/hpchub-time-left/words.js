/* What the extension says, in the hub's languages. Pure functions; the hub's catalogue is out of reach here. */

const WORDS = {
  en: {
    left: (length) => `Time left: ${length}`,
    over: "Time is up",
    paused: "Job is paused",
    pausedLong: "Slurm has paused your job. It goes on by itself, and its time limit stands still until then.",
    ends: (time) => `Your job ends at ${time}.`,
    save: "Save your work: the server and all its kernels end with the job.",
    more: (time) => `You can extend its time until ${time}.`,
    moreSome: "You can extend its time.",
    old: (time) => `Slurm does not answer at the moment. This is what it said at ${time}.`,
    extend: "Extend the time",
    home: "Open the hub's home page",
    newTab: "in a new tab",
    close: "Close",
    title: "Time left",
    job: "Job",
    queue: "Queue",
    node: "Node",
    under: "less than a minute",
    days: (d, h) => `${d} d ${h} h`,
    hours: (h, m) => `${h} h ${m} min`,
    minutes: (m) => `${m} min`,
  },
  ko: {
    left: (length) => `남은 시간: ${length}`,
    over: "시간이 다 되었습니다",
    paused: "작업이 일시 정지됨",
    pausedLong: "Slurm이 작업을 일시 정지했습니다. 작업은 저절로 다시 진행되며, 그때까지 남은 시간은 줄지 않습니다.",
    ends: (time) => `작업이 ${time}에 끝납니다.`,
    save: "작업한 내용을 저장해 주십시오. 작업이 끝나면 서버와 모든 커널도 함께 종료됩니다.",
    more: (time) => `${time}까지 시간을 연장할 수 있습니다.`,
    moreSome: "시간을 연장할 수 있습니다.",
    old: (time) => `지금 Slurm이 응답하지 않습니다. ${time}에 확인한 내용입니다.`,
    extend: "시간 연장하기",
    home: "허브의 홈 페이지 열기",
    newTab: "새 탭에서",
    close: "닫기",
    title: "남은 시간",
    job: "작업",
    queue: "큐",
    node: "노드",
    under: "1분 미만",
    days: (d, h) => `${d}일 ${h}시간`,
    hours: (h, m) => `${h}시간 ${m}분`,
    minutes: (m) => `${m}분`,
  },
};

/** The language of the hub if the person has chosen one there, else the browser's, else English. */
export function languageOf(chosen, preferred) {
  const known = [chosen, ...(preferred || [])].map((tag) => String(tag || "").slice(0, 2).toLowerCase());
  return known.find((tag) => tag in WORDS) || "en";
}

export function wordsOf(lang) {
  return WORDS[lang];
}

/** How long a number of seconds is, for a glance: whole minutes, never more than there are. */
export function lengthOf(seconds, words) {
  const minutes = Math.floor(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60)];
  if (days >= 2) {
    return words.days(days, hours % 24);
  }
  if (hours) {
    return words.hours(hours, String(minutes % 60).padStart(2, "0"));
  }
  return minutes ? words.minutes(minutes) : words.under;
}

/** The time of day of an instant, with the date when that is not today. */
export function timeOf(instant, lang, now = new Date()) {
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const today = instant.toDateString() === now.toDateString();
  const options = today ? clock : { month: "short", day: "numeric", ...clock };
  return new Intl.DateTimeFormat(lang, options).format(instant);
}
