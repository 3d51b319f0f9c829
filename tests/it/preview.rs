//! Letters as people read them: `render --text` and `render --html`.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Project, snapshot};

/// Values that try to get out of where they belong, each in a row of its own.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "Ola </style></pre></article></main><b>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) [y](data:text/html,x) [z](vbscript:x)",
    "![pixel](ORIGIN/x.png) ![](//evil.example/y.png)",
    "\" onmouseover=\"alert(1)\" x='",
    "{{ 7 * 7 }} {% raw %} <!-- ]]> --> &lt;script&gt; [2J 31m",
    "<svg/onload=alert(1)><iframe src=ORIGIN/z></iframe><form action=ORIGIN/f><base href=ORIGIN/>",
];

const MANIFEST: &str = r##"version: 1
mailing: hostile-2026
environment: tt02
recipients: { file: recipients.csv, key: case, recipient: "{{ who }}" }
correspondence:
  resourceId: skd-eksempel
  sendersReference: "{{ case }} {{ name }}"
  content:
    language: "{{ lang }}"
    messageTitle: "Vedtak {{ case }}"
    messageSummary: "{{ name }}"
    messageBody: "# {{ name }}\n\n{{ name }}\n\n    {{ name }}\n\nnr {{ who }}, [her](https://example.no/{{ case }})"
    attachments: [{ file: vedtak.pdf, displayName: "Vedtak {{ name }}", sendersReference: a }]
  replyOptions: [{ linkURL: "https://example.no/svar", linkText: "{{ name }}" }]
  dueDateTime: "2031-01-15T12:00:00+01:00"
  isConfirmationNeeded: true
  notification:
    notificationChannel: EmailAndSms
    emailSubject: "{{ name }}"
    emailBody: "<p>{{ name }}</p><img src='ORIGIN/mail.png'><style>@import 'ORIGIN/s.css'; * { display: none }</style>"
    emailContentType: Html
    smsBody: "{{ name }}"
    sendReminder: true
    reminderEmailSubject: "{{ name }}"
    reminderEmailBody: "{{ name }}"
    reminderEmailContentType: Plain
    reminderSmsBody: "{{ name }}"
"##;

/// A mailing whose values try everything; `origin` is where its pictures would be loaded from.
fn hostile(origin: &str) -> Project {
    let project = Project::new();
    project.write("mailing.yaml", MANIFEST.replace("ORIGIN", origin));
    project.write("vedtak.pdf", "%PDF-1.4");
    let mut rows = vec!["who,name,case,lang".to_owned()];
    for (at, value) in HOSTILE.iter().enumerate() {
        let value = value.replace("ORIGIN", origin).replace('"', "\"\"");
        let lang = ["nb", "nn", "en"][at % 3];
        rows.push(format!("07827199405,\"{value}\",H-{at},{lang}"));
    }
    project.write("recipients.csv", rows.join("\n"));
    project
}

/// A mailing of so many rows, with texts of different lengths.
fn many(rows: usize) -> Project {
    let project = Project::small();
    let mut text = vec!["org,name,case".to_owned()];
    for row in 1..=rows {
        let name = "x".repeat(1 + (row * 7) % 11);
        text.push(format!("991825827,{name},{row}"));
    }
    project.write("recipients.csv", text.join("\n"));
    project
}

/// The page of a mailing, made with these flags.
fn page(project: &Project, flags: &[&str]) -> String {
    let arguments = [&["render", "mailing.yaml", "--html", "page.html"], flags].concat();
    project.run(&arguments).ends(0);
    project.read("page.html")
}

/// The rows on a page, in their order.
fn rows(page: &str) -> Vec<u64> {
    page.split("<article class=\"letter\" id=\"row-")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect()
}

/// One letter of a page.
fn letter(page: &str, row: u64) -> &str {
    let begin = page.find(&format!("id=\"row-{row}\"")).unwrap();
    let end = page[begin..].find("</article>").unwrap();
    &page[begin..begin + end]
}

fn unescaped(html: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2F;", "/"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Reads a page as tags and fails on any that is not ours: its name, its attributes, where it leads, and whether it is closed where it was opened.
fn assert_harmless(page: &str) {
    const TAGS: &str = "a article b blockquote body code dd del div dl dt em footer h1 h2 h3 h4 h5 h6 head header html i li main mark nav ol p pre section \
        small span strong style summary details table tbody td th thead title tr ul";
    const VOID: [&str; 3] = ["br", "hr", "meta"];
    const ATTRIBUTES: [&str; 18] = [
        "align",
        "aria-current",
        "aria-hidden",
        "aria-label",
        "aria-labelledby",
        "charset",
        "class",
        "content",
        "href",
        "http-equiv",
        "id",
        "lang",
        "name",
        "rel",
        "scope",
        "start",
        "style",
        "tabindex",
    ];
    let style = page
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    for outside in ["url(", "@import", "http", "expression"] {
        assert!(!style.contains(outside), "{outside}");
    }
    let body = page.replacen(style, "", 1);
    let mut open = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap();
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if name == "!doctype" {
            continue;
        }
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed at <{piece}");
            continue;
        }
        if !VOID.contains(&name) {
            assert!(
                TAGS.split_whitespace().any(|known| known == name),
                "<{tag}>"
            );
            open.push(name);
        }
        let mut parts = attributes.split('"');
        while let (Some(attribute), Some(value)) = (parts.next(), parts.next()) {
            let attribute = attribute.trim().trim_end_matches('=');
            assert!(ATTRIBUTES.contains(&attribute), "{attribute} in <{tag}>");
            let leads = ["#", "https://", "http://", "mailto:"];
            let leads = leads.iter().any(|start| value.starts_with(start));
            assert!(attribute != "href" || leads, "<{tag}>");
            assert!(
                attribute != "style" || value.starts_with("text-align:"),
                "<{tag}>"
            );
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\""));
}

#[test]
fn a_letter_reads_as_a_letter() {
    let project = Project::example("spreadsheet");
    project.replace(
        "mailing.yaml",
        "{{ now() | plus(days=14) }}",
        "2031-01-15T12:00:00+01:00",
    );
    let run = project
        .run(&["render", "mailing.yaml", "--text", "--row", "9"])
        .ends(0);
    snapshot(|| assert_snapshot!("render_text", run));
}

#[test]
fn no_text_controls_the_terminal_or_is_wider_than_it() {
    let run = hostile("http://evil.example")
        .run(&["render", "mailing.yaml", "--text"])
        .ends(0);
    let text = run.stdout();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(text.matches("\nRow ").count(), HOSTILE.len());
    assert!(!text.contains("07827199405") && text.contains("078271*****"));
}

#[test]
fn nothing_of_a_row_gets_out_of_its_place_on_the_page() {
    let project = hostile("http://evil.example");
    let page = page(&project, &["--all"]);
    assert_harmless(&page);
    assert_eq!(rows(&page), (1..=8).collect::<Vec<_>>());
    assert!(!page.contains("99405"));
}

#[test]
fn the_page_holds_exactly_the_texts_that_are_sent() {
    let project = hostile("http://evil.example");
    let page = page(&project, &["--all"]);
    let requests = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    for (row, request) in (1..).zip(requests.lines()) {
        let request: Value = serde_json::from_str(request).unwrap();
        let letter = letter(&page, row);
        let text = |pointer| {
            let text = request["body"]["correspondence"].pointer(pointer).unwrap();
            text.as_str().unwrap().replace("07827199405", "078271*****")
        };
        let written = letter.split("<pre lang=\"").nth(1).unwrap();
        let (_, written) = written.split_once('>').unwrap();
        let written = written.split("</pre>\n</details>").next().unwrap();
        assert_eq!(unescaped(written), text("/content/messageBody"));
        let heard = unescaped(letter);
        for pointer in [
            "/content/messageTitle",
            "/content/messageSummary",
            "/sendersReference",
            "/replyOptions/0/linkText",
            "/notification/emailSubject",
            "/notification/reminderEmailBody",
        ] {
            assert!(heard.contains(&text(pointer)), "{pointer} of {heard}");
        }
        let bubbles: String = letter
            .split("<p class=\"bubble written\" lang=\"")
            .skip(1)
            .map(|bubble| {
                let (_, bubble) = bubble.split_once('>').unwrap();
                let bubble = bubble.split("</p>").next().unwrap();
                unescaped(&bubble.replace("<mark>", "").replace("</mark>", ""))
            })
            .collect();
        // The first SMS and its reminder, whole, whatever the number of their parts.
        assert_eq!(bubbles, text("/notification/smsBody").repeat(2));
    }
}

#[test]
fn a_sample_says_why_each_letter_was_chosen_and_counts_all() {
    let project = Project::example("spreadsheet");
    let run = project
        .run(&["render", "mailing.yaml", "--html", "page.html"])
        .ends(0);
    snapshot(|| assert_snapshot!("render_html", run));
    let page = project.read("page.html");
    assert_harmless(&page);
    assert!(page.contains("nothing was sent"));
    for (what, count) in [("letters", 24), ("SMS parts", 24)] {
        assert!(page.contains(&format!("<strong>{count}</strong> <span>{what}</span>")));
    }
    for (language, count) in [
        ("Norwegian Bokmål", 19),
        ("Norwegian Nynorsk", 2),
        ("English", 3),
    ] {
        let line = format!("<th scope=\"row\">{language}</th><td class=\"number\">{count}</td>");
        assert!(page.contains(&line), "{language}");
    }
    let reasons = |row| -> BTreeSet<String> {
        let letter = letter(&page, row).split("<span class=\"why\">").skip(1);
        letter
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect()
    };
    let shown = rows(&page);
    assert!(shown.is_sorted() && shown.len() < 10, "{shown:?}");
    let all: BTreeSet<String> = shown.iter().copied().flat_map(reasons).collect();
    for reason in [
        "first",
        "last",
        "longest",
        "shortest",
        "first in English",
        "first in Norwegian Nynorsk",
    ] {
        assert!(all.contains(reason), "{reason}: {all:?}");
    }
    assert!(shown.iter().all(|row| !reasons(*row).is_empty()));
    assert!(reasons(1).contains("first") && reasons(24).contains("last"));
}

#[test]
fn letters_with_warnings_and_dear_sms_are_in_the_sample() {
    let project = many(40);
    project.replace("recipients.csv", ",17\n", "’s,17\n");
    project.replace("recipients.csv", ",23\n", " <b>,23\n");
    project.replace(
        "mailing.yaml",
        "    messageTitle: \"Hello\"\n",
        "    messageTitle: \"Hello\"\n    messageSummary: \"For {{ name }}\"\n",
    );
    let long = "x".repeat(60);
    project.replace(
        "mailing.yaml",
        "send:\n",
        &format!("  notification: {{ notificationChannel: Sms, smsBody: \"{long} {{{{ name }}}}\" }}\nsend:\n"),
    );
    let page = page(&project, &[]);
    let dear = letter(&page, 17);
    assert!(dear.contains("<span class=\"why\">most SMS parts</span>"));
    assert!(dear.contains("<mark>’</mark>"));
    assert!(
        dear.contains("U+2019, curly apostrophe; &#39; does the same")
            || dear.contains("U+2019, curly apostrophe; &#x27; does the same"),
        "{dear}"
    );
    assert!(letter(&page, 23).contains("<span class=\"why\">warning</span>"));
    assert!(
        page.contains("<strong>41</strong> <span>SMS parts</span>"),
        "{page}"
    );
}

#[test]
fn all_letters_are_on_pages_that_lead_to_each_other() {
    let project = many(45);
    let page = page(&project, &["--all"]);
    assert_harmless(&page);
    assert_eq!(rows(&page), (1..=45).collect::<Vec<_>>());
    assert_eq!(page.matches("<section class=\"page\"").count(), 3);
    for row in [20, 21, 40, 41] {
        let page_of_row = page.find(&format!("id=\"row-{row}\"")).unwrap();
        let number = (row - 1) / 20 + 1;
        let begins = page.find(&format!("id=\"page-{number}\"")).unwrap();
        let ends = page
            .find(&format!("id=\"page-{}\"", number + 1))
            .unwrap_or(page.len());
        assert!((begins..ends).contains(&page_of_row), "{row}");
    }
    for number in [1, 2, 3] {
        assert!(page.contains(&format!("href=\"#page-{number}\"")));
    }
    // Without more than one page there is nothing to turn.
    let few = many(20);
    let html = self::page(&few, &["--all"]);
    assert!(!html.contains("href=\"#page-"));
}

#[test]
fn rows_that_are_asked_for_are_the_page() {
    let project = many(45);
    let html = page(&project, &["--row", "33"]);
    assert_eq!(rows(&html), [33]);
    assert!(html.contains("<strong>45</strong> <span>letters</span>"));
    let html = page(&project, &["--limit", "3"]);
    assert_eq!(rows(&html), [1, 2, 3]);
    let before = project.read("page.html");
    let run = project
        .run(&[
            "render",
            "mailing.yaml",
            "--html",
            "page.html",
            "--row",
            "99",
        ])
        .ends(2);
    assert!(run.stderr().contains("not in the file: row 99"), "{run}");
    assert_eq!(project.read("page.html"), before);
}

#[cfg(unix)]
#[test]
fn a_page_is_private_whole_and_replaces_nothing_but_a_page() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::small();
    let render = ["render", "mailing.yaml", "--html", "page.html"];
    // What somebody left beside it is not written into.
    project.write("page.html.part", "mine");
    project.run(&render).ends(0);
    let mode = fs::metadata(project.path("page.html"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!project.path("page.html.part").exists());
    project.run(&render).ends(0);

    let before = project.read("mailing.yaml");
    for place in ["mailing.yaml", "."] {
        let run = project
            .run(&["render", "mailing.yaml", "--html", place])
            .ends(2);
        assert!(run.stderr().contains("choose another name"), "{run}");
    }
    assert_eq!(project.read("mailing.yaml"), before);

    let whole = project.read("page.html");
    let run = project.run_on_a_small_disk(8, &render).ends(3);
    assert!(run.stderr().contains("the preview cannot be made"), "{run}");
    assert_eq!(project.read("page.html"), whole);
    assert!(!project.path("page.html.part").exists());
}

#[test]
fn no_row_is_told_of_on_stderr() {
    let project = Project::example("quickstart");
    let run = project
        .run(&["render", "mailing.yaml", "--html", "page.html"])
        .ends(0);
    for person in ["Ingrid", "19874602976", "198746"] {
        assert!(!run.stderr().contains(person), "{run}");
    }
    assert_eq!(run.stdout(), "");
}

/// WCAG AA: a contrast of 4.5 between text and what is behind it, by day and by night.
#[test]
fn every_text_stands_out_from_what_is_behind_it() {
    let page = page(&Project::small(), &[]);
    let style = page.split("</style>").next().unwrap();
    let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
    let pairs = [
        ("ink", "paper"),
        ("ink", "card"),
        ("ink", "band"),
        ("ink", "bubble"),
        ("soft", "paper"),
        ("soft", "card"),
        ("soft", "band"),
        ("accent", "paper"),
        ("accent", "card"),
        ("accent", "band"),
        ("on-accent", "accent"),
        ("warn", "warn-band"),
        ("bad", "paper"),
        ("on-mark", "mark"),
    ];
    for (name, colors) in [("light", light), ("dark", dark)] {
        for (front, back) in pairs {
            let (front_light, back_light) = (luminance(colors, front), luminance(colors, back));
            let (more, less) = (front_light.max(back_light), front_light.min(back_light));
            let contrast = (more + 0.05) / (less + 0.05);
            assert!(
                contrast >= 4.5,
                "{name}: {front} on {back} is {contrast:.2}"
            );
        }
    }
}

/// The relative luminance of a colour of the page, as WCAG works it out.
fn luminance(colors: &str, name: &str) -> f64 {
    let color = colors.split(&format!("--{name}: #")).nth(1).unwrap();
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[test]
fn text_and_page_are_not_asked_for_at_once() {
    let project = Project::small();
    project
        .run(&["render", "mailing.yaml", "--text", "--html", "page.html"])
        .ends(2);
    project.run(&["render", "mailing.yaml", "--all"]).ends(2);
    assert!(!project.path("page.html").exists());
}

/// A browser loads the worst page there is: it complains of nothing, asks nobody for anything, and shows all of it.
#[test]
fn a_browser_shows_the_page_and_asks_nobody_for_anything() {
    let Some(browser) = browser() else {
        eprintln!("skipped: there is no chromium on this machine");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let project = hostile(&format!("http://{}", listener.local_addr().unwrap()));
    page(&project, &["--all"]);
    let address = format!("file://{}", project.path("page.html").display());

    let shot = project.path("page.png");
    let picture = format!("--screenshot={}", shot.display());
    browse(
        &browser,
        &project,
        &["--window-size=1200,1600", &picture, &address],
    );
    let png = fs::read(&shot).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((size(16), size(20)), (1200, 1600));
    assert!(png.len() > 20_000, "an empty picture: {} bytes", png.len());

    let (dom, said) = browse(&browser, &project, &["--dump-dom", &address]);
    assert!(!said.contains("CONSOLE"), "{said}");
    assert_eq!(rows(&dom), (1..=8).collect::<Vec<_>>());
    for built in ["<script", "<img", "<svg", "<iframe", "<form", "<base"] {
        assert!(!dom.contains(built), "{built}");
    }
    assert!(dom.trim_end().ends_with("</html>"));
    let asked = listener.accept().map_err(|error| error.kind());
    assert_eq!(asked.unwrap_err(), ErrorKind::WouldBlock);
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// What the browser printed, and what it said while it did.
fn browse(browser: &Path, project: &Project, arguments: &[&str]) -> (String, String) {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--enable-logging=stderr",
        ])
        .arg(format!(
            "--user-data-dir={}",
            project.path("browser").display()
        ))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
