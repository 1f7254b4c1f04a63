//! Every sentence that the program can say when something is wrong, in one file to read: `texts.txt`. It is taken from
//! the sources themselves, so that none can be missing: all string literals outside of tests that are prose or that go
//! into a failure, and what the remote half refuses with. `SNAPSHOTS=overwrite cargo test --lib every_text` writes it
//! anew; then read what has changed as somebody who is in trouble.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use snapbox::{assert_data_eq, file};
use syn::visit::{self, Visit};

/// A method that gives a failure a part, and what the part is called on the screen.
const PARTS: [(&str, &str); 8] = [
    ("failed", "error"),
    ("context", "error"),
    ("with_context", "error"),
    ("hint", "hint"),
    ("live", "live"),
    ("detail", "detail"),
    ("warn", "warning"),
    ("say", "says"),
];
/// What the remote half says in words of its own.
const REMOTE: [&str; 8] = [
    "refuse ",
    "say \"refused",
    "say \"failed",
    "say failed",
    "say \"stuck",
    "reason=",
    "unmoved_why=",
    "why=",
];

/// Collects the texts of one file, function by function.
#[derive(Default)]
struct Texts {
    found: String,
    function: String,
    /// The function's name is written.
    named: bool,
    part: Option<&'static str>,
}

impl Texts {
    fn of(source: &str) -> String {
        let mut texts = Texts::default();
        texts.visit_file(&syn::parse_file(source).expect("a source that compiles"));
        texts.found
    }

    fn add(&mut self, text: &str) {
        let prose = text.trim().split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count() > 1;
        let told = self.part.is_some() && text.chars().any(char::is_alphabetic);
        // What has several lines is a file that is written, or a script.
        if (self.part.is_none() && (!prose || text.contains('\n'))) || (self.part.is_some() && !told) {
            return;
        }
        if !self.named {
            self.found += &format!("  {}\n", self.function);
            self.named = true;
        }
        let part = self.part.unwrap_or("text");
        self.found += format!("    {part:<8} {}", text.replace('\n', "⏎")).trim_end();
        self.found += "\n";
    }

    fn within(&mut self, part: Option<&'static str>, visit: impl FnOnce(&mut Self)) {
        let before = self.part;
        self.part = part.or(before);
        visit(self);
        self.part = before;
    }

    fn inside(&mut self, function: &str, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.function, function.to_owned());
        self.named = false;
        visit(self);
        // What comes after an inner function is named again, when there is something.
        (self.function, self.named) = (before, false);
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut is_attribute = false;
        for token in tokens {
            let hash = matches!(&token, TokenTree::Punct(sign) if sign.as_char() == '#');
            match token {
                TokenTree::Group(group) if !is_attribute => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.add(&text.value());
                    }
                }
                _ => {}
            }
            is_attribute = hash;
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
        _ => false,
    })
}

impl<'a> Visit<'a> for Texts {
    fn visit_item_mod(&mut self, it: &'a syn::ItemMod) {
        if !is_test(&it.attrs) {
            visit::visit_item_mod(self, it);
        }
    }

    fn visit_item_fn(&mut self, it: &'a syn::ItemFn) {
        self.inside(&it.sig.ident.to_string(), |texts| visit::visit_item_fn(texts, it));
    }

    fn visit_impl_item_fn(&mut self, it: &'a syn::ImplItemFn) {
        self.inside(&it.sig.ident.to_string(), |texts| visit::visit_impl_item_fn(texts, it));
    }

    fn visit_item_enum(&mut self, it: &'a syn::ItemEnum) {
        self.inside(&it.ident.to_string(), |texts| visit::visit_item_enum(texts, it));
    }

    fn visit_item_struct(&mut self, it: &'a syn::ItemStruct) {
        self.inside(&it.ident.to_string(), |texts| visit::visit_item_struct(texts, it));
    }

    fn visit_item_const(&mut self, it: &'a syn::ItemConst) {
        self.inside(&it.ident.to_string(), |texts| visit::visit_item_const(texts, it));
    }

    /// Of the attributes only thiserror's are said: the others are documentation and help.
    fn visit_attribute(&mut self, it: &'a syn::Attribute) {
        if let syn::Meta::List(list) = &it.meta
            && list.path.is_ident("error")
        {
            self.within(Some("error"), |texts| texts.tokens(list.tokens.clone()));
        }
    }

    fn visit_expr_method_call(&mut self, it: &'a syn::ExprMethodCall) {
        self.visit_expr(&it.receiver);
        let part = PARTS.iter().find(|(name, _)| it.method == name).map(|(_, part)| *part);
        self.within(part, |texts| it.args.iter().for_each(|argument| texts.visit_expr(argument)));
    }

    fn visit_expr_call(&mut self, it: &'a syn::ExprCall) {
        let is_failure = match &*it.func {
            syn::Expr::Path(function) => function
                .path
                .segments
                .first()
                .is_some_and(|first| first.ident == "Failure" || first.ident == "failed"),
            _ => false,
        };
        self.within(is_failure.then_some("error"), |texts| visit::visit_expr_call(texts, it));
    }

    fn visit_macro(&mut self, it: &'a syn::Macro) {
        let first = it.path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
        if first != "tracing" {
            self.within((first == "anyhow").then_some("error"), |texts| texts.tokens(it.tokens.clone()));
        }
    }

    fn visit_lit_str(&mut self, it: &'a syn::LitStr) {
        self.add(&it.value());
    }
}

/// The sources below a folder, tests left out, in an order that stays.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match (path.is_dir(), name.as_str()) {
            (true, "tests" | "properties") => {}
            (true, _) => files.extend(sources(&path)),
            (false, name) if name.ends_with("tests.rs") => {}
            (false, name) if name.ends_with(".rs") || name.ends_with(".sh") => files.push(path),
            (false, _) => {}
        }
    }
    files
}

fn of_script(source: &str) -> String {
    let mut found = String::new();
    for line in source.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some(at) = REMOTE.iter().filter_map(|word| line.find(word)).min() else { continue };
        let said = line[at..].trim_end_matches(';');
        if said.contains(' ') {
            found += &format!("    {said}\n");
        }
    }
    found
}

#[test]
fn every_text_is_in_one_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for path in sources(&root.join("src")) {
        let source = fs::read_to_string(&path).expect("a source");
        let is_script = path.extension().is_some_and(|extension| extension == "sh");
        let texts = if is_script { of_script(&source) } else { Texts::of(&source) };
        if !texts.is_empty() {
            let shown = path.strip_prefix(root).unwrap_or(&path).display();
            all += &format!("{shown}\n{texts}\n");
        }
    }
    assert_data_eq!(all, file!["texts.txt"].raw());
}

/// Whoever looks a text up in docs/troubleshooting.md finds it as the program says it.
#[test]
fn the_texts_of_the_troubles_are_those_that_are_said() {
    let page = include_str!("../../docs/troubleshooting.md");
    let texts = include_str!("texts.txt");
    let bold: Vec<&str> =
        page.split("**").skip(1).step_by(2).filter_map(|part| part.strip_prefix('`')).collect();
    assert!(bold.len() > 20, "{bold:?}");
    for text in bold.iter().map(|text| text.trim_matches('`').trim()) {
        // An option, and what another program says.
        if text.starts_with("--") || text.starts_with("nix: ") {
            continue;
        }
        let said = |line: &str| {
            text.split('…').try_fold(line, |rest, part| Some(rest.split_once(part.trim())?.1)).is_some()
        };
        assert!(texts.lines().any(said), "nothing says {text:?}");
    }
}

#[test]
fn a_text_is_found_wherever_it_is_written() {
    let source = r##"
        /// Help is no text.
        #[derive(Debug)]
        enum E { #[error("no {0}")] A(u8) }
        fn f(x: u8) -> Failure {
            let why = if x > 1 { "is too much" } else { "word" };
            Failure::msg(Kind::Usage, format!("{x} {}", why)).hint("one").live(String::from("two\
              words"))
        }
        #[cfg(test)]
        mod tests { fn g() { panic!("not this one"); } }
    "##;
    assert_eq!(
        Texts::of(source),
        "  E\n    error    no {0}\n  f\n    text     is too much\n    error    {x} {}\n    hint     one\n    live     twowords\n"
    );
}
