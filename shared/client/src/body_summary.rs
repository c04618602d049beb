//! One-line summaries of response bodies that are not a Status, such as the page of a proxy.

/// Most bytes of plain text; client-go's limit.
const TEXT_MAX: usize = 2048;
/// Most characters of a page's title or first line.
const LINE_MAX: usize = 200;

/// Summarizes a body: title and first line of an HTML page longer than a line, and the first two kilobytes of anything
/// else.
pub(super) fn summarize_body(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if is_html(text) && text.len() > LINE_MAX {
        return summarize_page(text);
    }
    let mut ends = (0..=TEXT_MAX.min(text.len())).rev();
    let end = ends.find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or_default()].to_owned()
}

fn is_html(text: &str) -> bool {
    let start: String = text.chars().take(15).collect();
    let start = start.to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn summarize_page(html: &str) -> String {
    // ASCII lower case keeps the offsets, so element names are found in any case.
    let lower = html.to_ascii_lowercase();
    let mut title = String::new();
    let mut first = String::new();
    let mut at = 0;
    while let Some(open) = lower[at..].find('<').map(|open| at + open) {
        if first.is_empty() {
            first = as_one_line(&html[at..open]);
        }
        let is_comment = lower[open..].starts_with("<!--");
        let end = if is_comment { "-->" } else { ">" };
        let Some(close) = lower[open..]
            .find(end)
            .map(|close| open + close + end.len())
        else {
            break;
        };
        at = close;
        // The content of these elements is not displayed text.
        for (element, end) in [
            ("<title", "</title"),
            ("<script", "</script"),
            ("<style", "</style"),
        ] {
            if lower[open..].starts_with(element) {
                let end = lower[close..]
                    .find(end)
                    .map_or(html.len(), |end| close + end);
                if element == "<title" {
                    title = as_one_line(&html[close..end]);
                }
                at = end;
            }
        }
    }
    match (title.is_empty(), first.is_empty() || title == first) {
        (true, _) => first,
        (false, true) => title,
        (false, false) => format!("{title}: {first}"),
    }
}

/// Joins text into one line and truncates it.
fn as_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    match words.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_title_and_first_line() {
        let rest = "<p>more</p>".repeat(10_000);
        for (html, said) in [
            ("<html>Bad Gateway</html>", "Bad Gateway"),
            (
                "<!DOCTYPE html><html><head><TITLE>502\n Bad Gateway</TITLE><style>b{}</style></head><body><center><h1>502 Bad Gateway</h1></center><hr>nginx",
                "502 Bad Gateway",
            ),
            (
                "<html><head><title>Blocked</title><script>if (a<b) x()</script></head><!-- a > b --><body>\n<h1> Your\nrequest was blocked </h1>",
                "Blocked: Your request was blocked",
            ),
        ] {
            assert_eq!(
                summarize_body(format!("{html}{rest}").as_bytes()),
                said,
                "{html}"
            );
        }
    }

    #[test]
    fn a_page_that_is_cut_off_is_read_as_far_as_it_goes() {
        assert_eq!(summarize_page("<html><title>open"), "open");
        assert_eq!(summarize_page("<html><!-- open"), "");
        assert_eq!(summarize_page("<html"), "");
        assert_eq!(summarize_page("<html>\u{130}<\u{130}>"), "\u{130}");
    }

    #[test]
    fn plain_text_is_cut_and_short_pages_are_not() {
        assert_eq!(
            summarize_body(b"<html>Bad Gateway</html>"),
            "<html>Bad Gateway</html>"
        );
        assert_eq!(summarize_body(b" no route \n"), "no route");
        assert_eq!(summarize_body("ä".repeat(5000).as_bytes()).len(), 2048);
        let long = format!("<html><title>{}</title>", "x".repeat(5000));
        assert_eq!(summarize_body(long.as_bytes()).chars().count(), 201);
    }
}
