//! What an event does, and the rules that read it from the words of an ID.
//!
//! IDs are irregular: camelCase, UPPER_SNAKE, hyphens, gerunds, `get_...` in front, an act as a
//! segment of its own or inside one. Still most of them say their act, and [`infer_action`] finds
//! it. Where the words mislead, `data/actions.toml` overrules the rules for that ID.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Kind, Phase, Provenance, Text};

/// What an event does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    pub(crate) verb: Text,
    pub(crate) kind: Kind,
    pub(crate) phase: Option<Phase>,
    pub(crate) provenance: Provenance,
}

impl Action {
    /// The word that the ID uses for the act, in lower case (`creation`, `sending`, `delet`); none
    /// where it uses none (`event_id.cdn.auth_token`).
    pub fn verb(&self) -> Option<&str> {
        if self.verb.is_empty() { None } else { Some(&self.verb) }
    }

    /// What sort of act it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How far the act has come, where the ID marks it; none is the act itself.
    pub fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// Who says so.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut action = serializer.serialize_struct("Action", 4)?;
        action.serialize_field("verb", &self.verb())?;
        action.serialize_field("kind", &self.kind)?;
        action.serialize_field("phase", &self.phase)?;
        action.serialize_field("provenance", &self.provenance)?;
        action.end()
    }
}

/// The action of a built-in entry that the project decided on.
pub(super) const fn curated(verb: &'static str, kind: Kind, phase: Option<Phase>) -> Action {
    Action { verb: Cow::Borrowed(verb), kind, phase, provenance: Provenance::Curated }
}

/// The action of a built-in entry that the rules give.
pub(super) const fn inferred(verb: &'static str, kind: Kind, phase: Option<Phase>) -> Action {
    Action { verb: Cow::Borrowed(verb), kind, phase, provenance: Provenance::Inferred }
}

/// How a word names an act.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A verb in any of its forms: `create`, `modified`, `updating`. It says the act wherever it is.
    Verb,
    /// A noun that also names things, such as `backup` or `state`. It says the act where it stands
    /// last, or where nothing else does.
    Noun,
}

/// The words that name an act. No word is there twice.
#[rustfmt::skip] // One word a line would make it two hundred lines.
const ACTS: &[(Kind, Form, &[&str])] = &[
    (
        Kind::Create,
        Form::Verb,
        &[
            "add", "added", "adding", "append", "clone", "copied", "copy", "copying", "creat", "create",
            "created", "creating", "generate", "generated", "install", "installed", "invite", "invited",
            "issue", "issued", "re_create", "recreate", "register", "registered", "registering", "replicate", "reserve",
            "screenshot", "upload", "uploaded", "uploading",
        ],
    ),
    (Kind::Create, Form::Noun, &["addition", "backup", "creation", "invitation", "registration", "reservation"]),
    (
        Kind::Read,
        Form::Verb,
        &[
            "check", "count", "describe", "download", "downloaded", "downloading", "dry_run", "export", "fetch",
            "find", "get", "head", "look_up", "lookup", "read", "redirect", "search", "searching", "show",
            "valid", "validate", "validated", "verified", "verify", "view", "viewed",
        ],
    ),
    (Kind::Read, Form::Noun, &["list", "validation", "verification"]),
    (
        Kind::Update,
        Form::Verb,
        &[
            "activate", "activated", "allocate", "approve", "assign", "assigned", "associate", "attach", "attached",
            "bind", "change", "changed", "close", "configure", "connect", "deactivate", "deactivated",
            "demote", "deny", "detach", "detached", "disable", "disabled", "disassociate", "disble", "disconnect",
            "edit", "enable", "enabled", "expand", "extend", "handover", "link", "modified", "modify",
            "modifying", "move", "moved", "promote", "protect", "put", "reduce", "regenerate", "rename", "renew",
            "replace", "reset", "resize", "rotate", "save", "saved", "scale_in", "scale_out", "select", "set",
            "share", "split", "unassign", "unbind", "unlink", "unprotect", "unset", "unshare", "update",
            "updated", "updating", "upgrade", "upgraded",
        ],
    ),
    (
        Kind::Update,
        Form::Noun,
        &[
            "activation", "approval", "block", "exposure", "management", "modification", "rotation", "setting",
            "state", "status", "transfer",
        ],
    ),
    (
        Kind::Delete,
        Form::Verb,
        &[
            "delet", "delete", "deleted", "deleting", "deregister", "evict", "erase", "remove", "removed",
            "removing", "revoke", "revoked", "terminate", "terminated", "uninstall", "unregister", "withdraw",
        ],
    ),
    (Kind::Delete, Form::Noun, &["deletion", "removal", "termination"]),
    (
        Kind::Execute,
        Form::Verb,
        &[
            "analyze", "analyse", "analyzed", "build", "compare", "confirm", "convert", "correct", "decrypt",
            "deployed", "detect", "detected", "down", "drain", "encrypt", "exec", "execute", "executed",
            "exit", "flush", "force_stop", "import", "imported", "invoke", "migrate", "off", "on",
            "pause", "paused", "port_forward", "publish", "purge", "reboot", "rebuild", "recover", "repair",
            "resolved", "restart", "restarted", "restore", "restored", "resume", "resumed", "retry", "rollback",
            "roll_back", "run", "send", "sending", "sent", "shelve", "sign", "simulate", "start_up", "stop",
            "stopped", "suspend", "sync", "synchronize", "trigger", "unshelve", "up",
        ],
    ),
    (
        Kind::Execute,
        Form::Noun,
        &[
            "analysis", "deploy", "deployment", "exporting", "failover", "importing", "migration", "obfuscation",
            "restoration", "scan", "synchronization",
        ],
    ),
    (
        Kind::Authenticate,
        Form::Verb,
        &["authenticate", "login", "log_in", "logout", "log_out", "selected", "sign_in", "signin"],
    ),
];

/// The words that mark how far an act has come, when they stand after it.
fn phase_of(word: &str) -> Option<Phase> {
    Some(match word {
        "apply" | "request" | "requested" | "submit" => Phase::Requested,
        "start" | "started" => Phase::Started,
        "complete" | "completed" | "end" | "ended" => Phase::Completed,
        "fail" | "failed" | "failure" => Phase::Failed,
        "cancel" | "cancellation" | "cancelled" | "canceled" => Phase::Cancelled,
        _ => return None,
    })
}

fn act_of(word: &str) -> Option<(&'static str, Kind, Form)> {
    ACTS.iter().find_map(|(kind, form, words)| {
        words.iter().find(|known| **known == word).map(|known| (*known, *kind, *form))
    })
}

/// A word of a segment: its lower-case text and where it stands in the segment.
struct Word {
    text: String,
    start: usize,
    end: usize,
}

/// The words of a segment, split at `_`, `-`, and where a capital follows a small letter. The two
/// words of an act such as `dry_run` stay one.
fn words_of(segment: &str) -> Vec<Word> {
    const PAIRS: &[(&str, &str)] = &[
        ("dry", "run"),
        ("force", "stop"),
        ("log", "in"),
        ("log", "out"),
        ("look", "up"),
        ("port", "forward"),
        ("re", "create"),
        ("roll", "back"),
        ("scale", "in"),
        ("scale", "out"),
        ("sign", "in"),
        ("start", "up"),
    ];
    let mut words: Vec<Word> = Vec::new();
    let mut after_small = false;
    let mut open = false;
    for (at, c) in segment.char_indices() {
        let separator = matches!(c, '_' | '-' | ' ');
        if separator || (c.is_ascii_uppercase() && after_small) {
            open = false;
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        if separator {
            continue;
        }
        match words.last_mut() {
            Some(word) if open => {
                word.text.push(c.to_ascii_lowercase());
                word.end = at + c.len_utf8();
            }
            _ => words.push(Word {
                text: c.to_ascii_lowercase().to_string(),
                start: at,
                end: at + c.len_utf8(),
            }),
        }
        open = true;
    }
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        match joined.last_mut() {
            Some(before) if PAIRS.contains(&(before.text.as_str(), word.text.as_str())) => {
                before.text = format!("{}_{}", before.text, word.text);
                before.end = word.end;
            }
            _ => joined.push(word),
        }
    }
    joined
}

/// The word that says the act.
#[derive(Clone, Copy)]
struct Act {
    /// Its number among the words of its segment.
    number: usize,
    verb: &'static str,
    kind: Kind,
    form: Form,
}

/// What the words of one segment say.
struct Reading {
    words: Vec<Word>,
    act: Option<Act>,
    phase: Option<Phase>,
    /// The words that say how far the act has come.
    phase_words: Vec<usize>,
}

impl Reading {
    fn of(segment: &str) -> Self {
        let words = words_of(segment);
        // Phase words behind the act (`create_end`, `delete_request_cancel`): the last one says
        // where things stand.
        let behind = words.iter().rev().map_while(|word| phase_of(&word.text)).count();
        let body = words.len() - behind;
        let mut phase = words.last().and_then(|word| phase_of(&word.text));
        let mut phase_words: Vec<usize> = (body..words.len()).collect();
        let acts: Vec<Act> = words
            .iter()
            .enumerate()
            .filter_map(|(number, word)| {
                let act = |verb, kind, form| Act { number, verb, kind, form };
                match word.text.trim_end_matches(|c: char| c.is_ascii_digit()) {
                    // With something behind them these are no phases: `start_node`, `apply_hba_rule`.
                    "start" if number == 0 && words.len() > 1 => {
                        Some(act("start", Kind::Execute, Form::Verb))
                    }
                    "apply" if number + 1 < body => Some(act("apply", Kind::Update, Form::Verb)),
                    text => act_of(text).map(|(verb, kind, form)| act(verb, kind, form)),
                }
            })
            .collect();
        let first = acts.iter().find(|act| act.number == 0 && act.form == Form::Verb);
        let last = acts.iter().rev().find(|act| act.number + 1 == body);
        let last_verb = acts.iter().rev().find(|act| act.form == Form::Verb);
        let act = first.or(last).or(last_verb).or(acts.last()).copied();
        if first.is_some() && body > 1 && phase == Some(Phase::Requested) {
            // What the act is done to: `getExportFileRequest`, `confirm-send-request`.
            phase = None;
            phase_words.clear();
        }
        if first.is_none() && phase.is_none() {
            // `cancel_build`, `requestExporting`.
            let leading =
                words.iter().position(|word| matches!(word.text.as_str(), "cancel" | "request"));
            phase = leading.and_then(|number| phase_of(&words.get(number)?.text));
            phase_words.extend(leading);
        }
        Self { words, act, phase, phase_words }
    }

    /// Of a segment that says no act, its first phase word as the act: `pcap_start`, `cancel_mail`.
    fn of_phases(segment: &str) -> Option<Self> {
        let mut reading = Self::of(segment);
        let (number, word) =
            reading.words.iter().enumerate().find(|(_, word)| phase_of(&word.text).is_some())?;
        let phase = reading.phase;
        let (verb, kind, phase) = match word.text.as_str() {
            "start" => ("start", Kind::Execute, None),
            "started" => ("started", Kind::Execute, None),
            "end" => ("end", Kind::Execute, None),
            "ended" => ("ended", Kind::Execute, None),
            "cancel" => ("cancel", Kind::Execute, Some(Phase::Cancelled)),
            "cancellation" => ("cancellation", Kind::Execute, Some(Phase::Cancelled)),
            "apply" => ("apply", Kind::Create, phase),
            "request" => ("request", Kind::Create, phase),
            "requested" => ("requested", Kind::Create, phase),
            "submit" => ("submit", Kind::Create, phase),
            _ => return None,
        };
        reading.act = Some(Act { number, verb, kind, form: Form::Verb });
        reading.phase = phase;
        Some(reading)
    }

    /// Whether the segment says nothing but how far an act has come: `end`, `cancellation`.
    fn is_phase_alone(&self) -> bool {
        !self.words.is_empty() && self.words.iter().all(|word| phase_of(&word.text).is_some())
    }

    /// The words that say neither act nor phase, separated as the segment separates them.
    fn rest(&self, segment: &str) -> String {
        let act = self.act.map(|act| act.number);
        let said = |number: usize, word: &Word| {
            Some(number) == act
                || self.phase_words.contains(&number)
                // Part of the act: `force_restart`, `delete_all`, `requestToStart`.
                || (word.text == "force" && Some(number + 1) == act)
                || (word.text == "all" && number.checked_sub(1) == act && act.is_some())
                || word.text == "to"
        };
        let mut rest = String::new();
        for (number, word) in self.words.iter().enumerate() {
            if act.is_some() && said(number, word) {
                continue;
            }
            if !rest.is_empty() && segment.contains('_') {
                rest.push('_');
            } else if !rest.is_empty() && segment.contains('-') {
                rest.push('-');
            }
            rest.push_str(segment.get(word.start..word.end).unwrap_or_default());
        }
        rest
    }
}

/// The segments of an ID behind its prefix and its service, in order, with the prefix repeated
/// inside some IDs left out, or none for what has no such segments.
fn segments_of(id: &str) -> Option<Vec<&str>> {
    let mut segments: Vec<&str> = id.split('.').collect();
    // `event_id.email.event_id.email.remove_block_receiver`, `event_id.event_id.iaas.route.update`.
    if let Some(again) = segments.iter().skip(1).rposition(|segment| segment.ends_with("_id"))
        && segments.len() > again + 3
        && segments.first().is_some_and(|prefix| segments.get(again + 1) == Some(prefix))
    {
        segments.drain(..=again);
    }
    if segments.len() < 3 { None } else { Some(segments.split_off(2)) }
}

/// Where an ID says its act.
struct Finding<'a> {
    segments: Vec<&'a str>,
    /// Which of the segments says it.
    at: usize,
    act: Act,
    phase: Option<Phase>,
    reading: Reading,
}

fn find_act(id: &str) -> Option<Finding<'_>> {
    let segments = segments_of(id)?;
    let mut phase = None;
    for (at, segment) in segments.iter().enumerate().rev() {
        let reading = Reading::of(segment);
        let before = at.checked_sub(1).and_then(|at| segments.get(at)).copied();
        match reading.act {
            // `get.list`
            Some(act) if act.verb == "list" && before == Some("get") => {}
            Some(mut act) => {
                if matches!(act.kind, Kind::Create | Kind::Delete)
                    && act.verb != "invite"
                    && is_about_members(&segments, at, &reading, act.number)
                {
                    // Put on or taken off something that stays.
                    act.kind = Kind::Update;
                }
                let phase = phase.or(reading.phase);
                return Some(Finding { segments, at, act, phase, reading });
            }
            // `create.end`, `sending.cancellation`
            None if phase.is_none() && reading.is_phase_alone() => phase = reading.phase,
            None => {}
        }
    }
    // No act, but words that otherwise say how far one has come.
    let (at, reading) = segments
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, segment)| Reading::of_phases(segment).map(|reading| (at, reading)))?;
    Some(Finding { act: reading.act?, phase: reading.phase, segments, at, reading })
}

/// Whether the word before or behind the act names members or roles.
fn is_about_members(segments: &[&str], at: usize, reading: &Reading, number: usize) -> bool {
    let word = |number: Option<usize>| Some(reading.words.get(number?)?.text.clone());
    let segment = |at: Option<usize>| Some(words_of(segments.get(at?)?));
    let before =
        word(number.checked_sub(1)).or_else(|| Some(segment(at.checked_sub(1))?.pop()?.text));
    let behind = word(number.checked_add(1))
        .or_else(|| Some(segment(at.checked_add(1))?.into_iter().next()?.text));
    before
        .into_iter()
        .chain(behind)
        .any(|word| matches!(word.as_str(), "member" | "members" | "roles"))
}

/// What the words of an ID say that the event does, or none if they say nothing.
///
/// The rules, last segment first: the first segment with an act word has the act. In it a verb that
/// comes first wins (`get_reservation_list`), else the act word that comes last
/// (`access_policy_move`). Words such as `end`, `failed`, `request` or `cancel` behind it are its
/// phase, whether in the same segment or in one of their own; where no other word says an act,
/// `start`, `end`, `cancel` and `request` are the act.
///
/// ```
/// use nhn_cloudtrail::catalog::{infer_action, Kind, Phase};
///
/// let action = infer_action("event_id.iaas.nodegroup.upgrade.start").unwrap();
/// assert_eq!(action.verb(), Some("upgrade"));
/// assert_eq!(action.kind(), Kind::Update);
/// assert_eq!(action.phase(), Some(Phase::Started));
/// assert!(infer_action("event_id.cdn.auth_token").is_none());
/// ```
pub fn infer_action(id: &str) -> Option<Action> {
    find_act(id).map(|found| inferred(found.act.verb, found.act.kind, found.phase))
}

/// What an event is done to, from its ID: the segments between the service and the act, joined by
/// dots (`instance` of `event_id.iaas.instance.create`); where there are none, the words beside the
/// act (`access_policy` of `event_id.bastion.access_policy_add`) or behind it. None if nothing is
/// left.
///
/// ```
/// use nhn_cloudtrail::catalog::infer_resource;
///
/// assert_eq!(infer_resource("event_id.iaas.cluster.create.end").as_deref(), Some("cluster"));
/// assert_eq!(infer_resource("event_id.email.add_block_receiver").as_deref(), Some("block_receiver"));
/// assert_eq!(infer_resource("event_id.project.create"), None);
/// ```
pub fn infer_resource(id: &str) -> Option<String> {
    let joined = |segments: &[&str]| {
        let named: Vec<&str> =
            segments.iter().copied().filter(|segment| !segment.is_empty()).collect();
        if named.is_empty() { None } else { Some(named.join(".")) }
    };
    let Some(found) = find_act(id) else {
        // Without an act the last segment stands in its place.
        let mut segments = segments_of(id)?;
        let last = segments.pop()?;
        return joined(&segments).or_else(|| joined(&[last]));
    };
    let segment = *found.segments.get(found.at)?;
    let rest = found.reading.rest(segment);
    let before = found.segments.get(..found.at)?;
    let behind: Vec<&str> = found
        .segments
        .get(found.at + 1..)?
        .iter()
        .copied()
        .filter(|segment| !Reading::of(segment).is_phase_alone())
        .collect();
    joined(before).or_else(|| joined(&[&rest])).or_else(|| match found.act.form {
        // `upload.marketing.agreement`
        Form::Verb => joined(&behind),
        // `backup.manual`: how it was done, not what to.
        Form::Noun if behind.is_empty() => None,
        Form::Noun => Some(segment.to_owned()),
    })
}
