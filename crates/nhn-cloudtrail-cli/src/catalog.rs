//! `catalog`: what event IDs mean.

use std::borrow::Cow;
use std::collections::HashMap;

use anstyle::{AnsiColor, Style};
use nhn_cloudtrail::catalog::{Entry, Kind, Lang, ListDiff, Phase, PublishedList, Service};
use nhn_cloudtrail::printable;
use serde::Serialize;

use crate::args::{CatalogCommand, CatalogFormat, PublishedListArgs};
use crate::context::{Context, Stop, counted, read_whole};
use crate::output::Output;
use crate::table::{Align, Cell, Table};
use crate::{ALL_READ, COULD_NOT_RUN, SOME_REJECTED};

pub(crate) fn run(context: &Context<'_>, command: &CatalogCommand) -> Result<u8, Stop> {
    match command {
        CatalogCommand::Get { ids, format } => get(context, ids, *format),
        CatalogCommand::Search { text, format, limit } => {
            search(context, &text.join(" "), *format, *limit)
        }
        CatalogCommand::Services { format } => services(context, *format),
        CatalogCommand::List { name: Some(name), format } => list(context, name, *format),
        CatalogCommand::List { name: None, format } => lists(context, *format),
        CatalogCommand::Diff { list, format } => diff(context, list, *format),
        CatalogCommand::Import { list, output } => {
            let sources = std::slice::from_ref(&list.path);
            let list = published(list)?;
            for odd in list.odd() {
                let (line, printed, why) = (odd.line, &odd.printed, &odd.why);
                context.warnings().note(&format!("line {line} left out: {printed:?}: {why}"));
            }
            let overlay = list.to_overlay(&context.catalog);
            let mut output = context.output_of(sources, output.as_deref())?;
            output.write_data(overlay.as_bytes())?;
            output.finish()?;
            Ok(ALL_READ)
        }
        CatalogCommand::Export { format, output } => {
            let mut output = context.output(output.as_deref())?;
            let entries: Vec<&Entry> = context.catalog.iter().collect();
            write_entries(context, &entries, *format, &mut output)?;
            output.finish()?;
            Ok(ALL_READ)
        }
    }
}

fn get(context: &Context<'_>, ids: &[String], format: CatalogFormat) -> Result<u8, Stop> {
    let mut found: Vec<&Entry> = Vec::new();
    let warnings = context.warnings();
    for id in ids {
        match context.catalog.get(id) {
            Some(entry) => found.push(entry),
            None => {
                warnings.error(&format!("the catalog has no event ID {id:?}"));
                let near = context.catalog.suggest(id);
                if near.is_empty() {
                    warnings.note("  find one by name: nhn-cloudtrail catalog search TEXT");
                } else {
                    let near: Vec<&str> = near.iter().map(|entry| entry.id()).collect();
                    warnings.note(&format!("  did you mean {}?", near.join(" or ")));
                }
            }
        }
    }
    if found.is_empty() {
        return Ok(COULD_NOT_RUN);
    }
    let mut output = context.output(None)?;
    if format == CatalogFormat::Table {
        for (index, entry) in found.iter().enumerate() {
            if index > 0 {
                output.write(b"\n")?;
            }
            card(context, entry, &mut output)?;
        }
    } else {
        write_entries(context, &found, format, &mut output)?;
    }
    output.finish()?;
    Ok(if found.len() < ids.len() { SOME_REJECTED } else { ALL_READ })
}

/// All that is known of an event, for people.
fn card(context: &Context<'_>, entry: &Entry, output: &mut Output) -> Result<(), Stop> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for &lang in Lang::ALL {
        let ours = if entry.name_is_published(lang) { "" } else { " (not published: our name)" };
        lines.push((lang.as_str(), format!("{}{ours}", entry.name(lang))));
    }
    if !entry.former_names().is_empty() {
        lines.push(("formerly", entry.former_names().join(", ")));
    }
    let services: Vec<String> = entry
        .services()
        .iter()
        .map(|slug| match context.catalog.service(slug) {
            Some(service) => format!("{slug} ({})", service.name(context.lang)),
            None => slug.to_string(),
        })
        .collect();
    lines.push(("service", services.join(", ")));
    if let Some(resource) = entry.resource() {
        lines.push(("resource", resource.to_owned()));
    }
    if let Some(action) = entry.action() {
        let phase = action.phase().map(|phase| format!(", {phase}")).unwrap_or_default();
        let verb = action.verb().map(|verb| format!("; its ID says {verb:?}")).unwrap_or_default();
        lines.push(("action", format!("{}{phase} ({}{verb})", action.kind(), action.provenance())));
    }
    for effect in entry.effects() {
        let does = effect.effect.map_or("nothing", |effect| effect.as_str());
        lines.push(("effect", format!("{}: {does}", effect.resource_type)));
    }
    for listing in entry.listings() {
        let until = match listing.last {
            Some(last) => format!("until {last}"),
            None => "still".to_owned(),
        };
        lines.push(("listed", format!("{}: since {}, {until}", listing.edition, listing.first)));
    }
    if entry.is_retired() {
        lines.push(("retired", "no current list has it any more".to_owned()));
    }
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut text = paint(entry.id(), bold, output.color);
    text.push('\n');
    for (index, (label, value)) in lines.iter().enumerate() {
        let again = index > 0 && lines.get(index - 1).is_some_and(|(before, _)| before == label);
        let label = format!("  {:<9}", if again { "" } else { label });
        text.push_str(&paint(&label, dim, output.color));
        text.push_str(&format!(" {}\n", printable(value)));
    }
    output.write(text.as_bytes())
}

fn paint(text: &str, style: Style, color: bool) -> String {
    let text = printable(text);
    if color { format!("{style}{text}{style:#}") } else { text.into_owned() }
}

fn search(
    context: &Context<'_>,
    text: &str,
    format: CatalogFormat,
    limit: usize,
) -> Result<u8, Stop> {
    let found = context.catalog.search(text);
    let warnings = context.warnings();
    if found.is_empty() {
        warnings.error(&format!("nothing in the catalog fits {text:?}"));
        let near = context.catalog.suggest(text);
        if !near.is_empty() {
            let near: Vec<&str> = near.iter().map(|entry| entry.id()).collect();
            warnings.note(&format!("  did you mean {}?", near.join(" or ")));
        }
        return Ok(SOME_REJECTED);
    }
    let limit = if limit == 0 { found.len() } else { limit };
    let best = found.get(..limit.min(found.len())).unwrap_or_default();
    let mut output = context.output(None)?;
    write_entries(context, best, format, &mut output)?;
    output.finish()?;
    if best.len() < found.len() {
        let more = counted((found.len() - best.len()) as u64, "more event");
        warnings.note(&format!("{more}; --limit 0 shows all"));
    }
    Ok(ALL_READ)
}

/// The columns of a narrow terminal.
const NARROW: usize = 120;

/// Entries in a format, in their order.
fn write_entries(
    context: &Context<'_>,
    entries: &[&Entry],
    format: CatalogFormat,
    output: &mut Output,
) -> Result<(), Stop> {
    match format {
        CatalogFormat::Table => {
            let headings = [
                ("event_id", Align::Left),
                ("name", Align::Left),
                ("kind", Align::Left),
                ("phase", Align::Left),
                ("service", Align::Left),
                ("", Align::Left),
            ];
            // A narrow terminal has room for the ID, the name and the kind.
            let narrow = output.width.is_some_and(|width| width < NARROW);
            let shown = headings.get(..if narrow { 3 } else { headings.len() }).unwrap_or_default();
            let mut table = Table::new(shown, output).with_whole(0).with_all_rows();
            for entry in entries {
                let retired = if entry.is_retired() { "retired" } else { "" };
                let kind = entry.action().map(|action| action.kind());
                let phase = entry.action().and_then(|action| action.phase());
                let mut cells = vec![
                    Cell::new(entry.id()),
                    Cell::new(entry.name(context.lang)),
                    Cell::new(kind.map_or("", Kind::as_str)),
                    Cell::new(phase.map_or("", Phase::as_str)),
                    Cell::new(&entry.services().join(",")),
                    Cell::styled(retired, Style::new().dimmed()),
                ];
                cells.truncate(shown.len());
                table.row(cells, output)?;
            }
            table.finish(output)
        }
        CatalogFormat::Json => write_json(entries, output),
        CatalogFormat::Tsv | CatalogFormat::Markdown => {
            // The catalog has one tabular form: its rows are picked, not made anew.
            let tsv = context.catalog.to_tsv();
            let mut lines = tsv.lines();
            let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
            let by_id: HashMap<&str, &str> =
                lines.filter_map(|line| line.split_once('\t').map(|(id, _)| (id, line))).collect();
            let rows = entries
                .iter()
                .filter_map(|entry| by_id.get(entry.id()))
                .map(|line| line.split('\t').map(Cow::Borrowed).collect());
            write_rows(&header, rows, format, output)
        }
    }
}

/// One JSON array, an element a line.
fn write_json<T: Serialize>(elements: &[T], output: &mut Output) -> Result<(), Stop> {
    let mut json = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        json.extend_from_slice(if index == 0 { b"[\n" } else { b",\n" });
        serde_json::to_writer(&mut json, element)
            .map_err(|error| Stop::failed(format!("the catalog as JSON: {error}")))?;
    }
    json.extend_from_slice(if elements.is_empty() { b"[]\n" } else { b"\n]\n" });
    output.write_data(&json)
}

/// Rows as a TSV, as Markdown, or aligned.
fn write_rows<'r>(
    header: &[&str],
    rows: impl Iterator<Item = Vec<Cow<'r, str>>>,
    format: CatalogFormat,
    output: &mut Output,
) -> Result<(), Stop> {
    if format == CatalogFormat::Table {
        let headings: Vec<(&str, Align)> = header.iter().map(|name| (*name, align(name))).collect();
        let mut table = Table::new(&headings, output).with_all_rows();
        for row in rows {
            table.row(row.iter().map(|cell| Cell::new(cell)).collect(), output)?;
        }
        return table.finish(output);
    }
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        if format == CatalogFormat::Markdown {
            for cell in cells {
                text.push_str("| ");
                text.push_str(&in_markdown(cell));
                text.push(' ');
            }
            text.push_str("|\n");
        } else {
            for (index, cell) in cells.enumerate() {
                if index > 0 {
                    text.push('\t');
                }
                text.extend(cell.chars().map(|c| if c.is_control() { ' ' } else { c }));
            }
            text.push('\n');
        }
    };
    line(&mut header.iter().copied());
    if format == CatalogFormat::Markdown {
        line(&mut header.iter().map(|_| "---"));
    }
    for row in rows {
        line(&mut row.iter().map(|cell| cell.as_ref()));
    }
    output.write_data(text.as_bytes())
}

/// Counts and places stand to the right.
fn align(heading: &str) -> Align {
    if matches!(heading, "events" | "rows" | "line") { Align::Right } else { Align::Left }
}

/// A cell that ends neither its table nor its line, and holds no markup of its own.
fn in_markdown(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for c in cell.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '[' | ']' => text.extend(['\\', c]),
            '<' => text.push_str("&lt;"),
            '&' => text.push_str("&amp;"),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
    }
    printable(&text).into_owned()
}

fn services(context: &Context<'_>, format: CatalogFormat) -> Result<u8, Stop> {
    let services = context.catalog.services();
    let mut output = context.output(None)?;
    let events = |service: &Service| Cow::Owned(service.entries().to_string());
    match format {
        CatalogFormat::Json => write_json(services, &mut output)?,
        CatalogFormat::Table => {
            let rows = services.iter().map(|service| {
                vec![service.slug().into(), service.name(context.lang).into(), events(service)]
            });
            write_rows(&["service", "name", "events"], rows, format, &mut output)?;
        }
        CatalogFormat::Tsv | CatalogFormat::Markdown => {
            let rows = services.iter().map(|service| {
                let mut row: Vec<Cow<'_, str>> = vec![service.slug().into()];
                row.extend(Lang::ALL.iter().map(|lang| Cow::from(service.name(*lang))));
                row.push(events(service));
                row
            });
            let header = ["service", "name_ko", "name_en", "name_ja", "events"];
            write_rows(&header, rows, format, &mut output)?;
        }
    }
    output.finish()?;
    Ok(ALL_READ)
}

fn lists(context: &Context<'_>, format: CatalogFormat) -> Result<u8, Stop> {
    #[derive(Serialize)]
    struct Named {
        name: &'static str,
        rows: usize,
    }
    let lists: Vec<Named> = context
        .catalog
        .lists()
        .iter()
        .map(|list| Named { name: list.name, rows: list.rows.len() })
        .collect();
    let mut output = context.output(None)?;
    if format == CatalogFormat::Json {
        write_json(&lists, &mut output)?;
    } else {
        let rows = lists.iter().map(|list| vec![list.name.into(), list.rows.to_string().into()]);
        write_rows(&["list", "rows"], rows, format, &mut output)?;
    }
    output.finish()?;
    Ok(ALL_READ)
}

fn list(context: &Context<'_>, name: &str, format: CatalogFormat) -> Result<u8, Stop> {
    let Some(list) = context.catalog.list(name) else {
        let names: Vec<&str> = context.catalog.lists().iter().map(|list| list.name).collect();
        return Err(Stop::failed(format!("no list {name:?}"))
            .help(format!("the lists are: {}", names.join(", "))));
    };
    let mut output = context.output(None)?;
    if format == CatalogFormat::Json {
        write_json(list.rows, &mut output)?;
    } else {
        let rows =
            list.rows.iter().map(|row| vec![row.name.into(), row.id.into(), row.service.into()]);
        write_rows(&["name_ko", "event_id", "service"], rows, format, &mut output)?;
    }
    output.finish()?;
    Ok(ALL_READ)
}

fn published(args: &PublishedListArgs) -> Result<PublishedList, Stop> {
    let list = PublishedList::parse(read_whole(&args.path)?)
        .map_err(|error| Stop::failed(format!("{}: {}", args.path.display(), error.message())))?;
    let list = list.with_edition(args.edition);
    Ok(match args.list_lang {
        Some(lang) => list.with_lang(lang),
        None => list,
    })
}

fn diff(
    context: &Context<'_>,
    args: &PublishedListArgs,
    format: CatalogFormat,
) -> Result<u8, Stop> {
    let list = published(args)?;
    let diff = list.diff(&context.catalog);
    let mut output = context.output(None)?;
    match format {
        CatalogFormat::Table => write_diff(context, &diff, list.rows().len(), &mut output)?,
        CatalogFormat::Json => {
            let mut json = serde_json::to_vec_pretty(&diff)
                .map_err(|error| Stop::failed(format!("the differences as JSON: {error}")))?;
            json.push(b'\n');
            output.write_data(&json)?;
        }
        CatalogFormat::Tsv | CatalogFormat::Markdown => {
            write_rows(DIFF, changes(context, &diff).into_iter(), format, &mut output)?;
        }
    }
    output.finish()?;
    Ok(if diff.is_empty() { ALL_READ } else { SOME_REJECTED })
}

/// The columns of a diff: names before and after, and what a misprinted ID stands for.
const DIFF: &[&str] = &["change", "event_id", "before", "after", "service", "line", "note"];

/// A row of [`DIFF`] for each difference.
fn changes<'d>(context: &'d Context<'_>, diff: &'d ListDiff) -> Vec<Vec<Cow<'d, str>>> {
    let mut rows: Vec<Vec<Cow<'d, str>>> = Vec::new();
    for row in &diff.added {
        let service = row.service.as_deref().unwrap_or_default();
        rows.push(vec![
            "added".into(),
            row.id.as_str().into(),
            "".into(),
            row.name.as_str().into(),
            service.into(),
            row.line.to_string().into(),
            "".into(),
        ]);
    }
    for id in &diff.gone {
        let entry = context.catalog.get(id);
        let name = entry.map_or("", |entry| entry.name(diff.lang));
        let service = entry.and_then(Entry::service).unwrap_or_default();
        let mut row = vec!["gone".into(), id.as_str().into(), name.into(), "".into()];
        row.extend([service.into(), "".into(), "".into()]);
        rows.push(row);
    }
    for renamed in &diff.renamed {
        let service = context.catalog.get(&renamed.id).and_then(Entry::service).unwrap_or_default();
        rows.push(vec![
            "renamed".into(),
            renamed.id.as_str().into(),
            renamed.before.as_deref().unwrap_or_default().into(),
            renamed.after.as_str().into(),
            service.into(),
            renamed.line.to_string().into(),
            "".into(),
        ]);
    }
    for row in &diff.misprints {
        let Some(misprint) = &row.misprint else { continue };
        let meant = misprint.canonical.as_deref().unwrap_or("nothing");
        rows.push(vec![
            "misprint".into(),
            misprint.printed.as_str().into(),
            "".into(),
            row.name.as_str().into(),
            row.service.as_deref().unwrap_or_default().into(),
            row.line.to_string().into(),
            format!("stands for {meant}: {}", misprint.why).into(),
        ]);
    }
    for odd in &diff.odd {
        rows.push(vec![
            "odd".into(),
            odd.printed.as_str().into(),
            "".into(),
            odd.name.as_str().into(),
            "".into(),
            odd.line.to_string().into(),
            format!("not taken as a row: {}", odd.why).into(),
        ]);
    }
    rows
}

fn write_diff(
    context: &Context<'_>,
    diff: &ListDiff,
    rows: usize,
    output: &mut Output,
) -> Result<(), Stop> {
    let count = |list: usize| list as u64;
    let odd = match diff.odd.len() {
        0 => String::new(),
        odd => format!(", {}", counted(count(odd), "odd line")),
    };
    let text = format!(
        "{} of the edition {} in {}: {} added, {} gone, {} renamed, {}{odd}\n",
        counted(count(rows), "row"),
        diff.edition,
        diff.lang,
        diff.added.len(),
        diff.gone.len(),
        diff.renamed.len(),
        counted(count(diff.misprints.len()), "known misprint"),
    );
    output.write(text.as_bytes())?;
    let changes = changes(context, diff);
    if changes.is_empty() {
        return Ok(());
    }
    output.write(b"\n")?;
    let headings: Vec<(&str, Align)> = DIFF.iter().map(|name| (*name, align(name))).collect();
    let mut table = Table::new(&headings, output).with_all_rows();
    for row in &changes {
        let style = match row.first().map(AsRef::as_ref) {
            Some("added") => AnsiColor::Green.on_default(),
            Some("gone") => AnsiColor::Red.on_default(),
            Some("renamed" | "odd") => AnsiColor::Yellow.on_default(),
            _ => Style::new().dimmed(),
        };
        let cells = row.iter().enumerate().map(|(index, cell)| {
            if index == 0 { Cell::styled(cell, style) } else { Cell::new(cell) }
        });
        table.row(cells.collect(), output)?;
    }
    table.finish(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_markdown_cell_stays_in_its_cell() {
        assert_eq!(in_markdown("a|b\n| c | <b>&"), "a\\|b \\| c \\| &lt;b>&amp;");
        assert_eq!(in_markdown("[x](y) `z` \u{1b}[31m"), "\\[x\\](y) \\`z\\`  \\[31m");
    }
}
