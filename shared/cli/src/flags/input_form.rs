//! Which form the file of `-f` or `--config` has, and which of the two flags takes it.

use anyhow::Result;
use session_model::encode::shell::quote_word;
use session_model::failure::{usage_error, with_hint};
use session_template::{InputForm, Source};

/// Returns the form of the file of `-f` or, with `is_config`, of `--config`, of a command that takes both (`create`).
///
/// # Errors
/// A form that the other flag takes.
pub fn input_form(
    command: &str,
    file: &str,
    is_config: bool,
    source: &Source,
) -> Result<InputForm> {
    let (flag, expected, default) = match is_config {
        true => (
            "--config",
            "nvim-web's configuration (TOML)",
            InputForm::NvimConfig,
        ),
        false => ("-f", "YAML or JSON", InputForm::Objects),
    };
    let form = InputForm::recognize(source).unwrap_or(default);
    if form.flag() == flag {
        return Ok(form);
    }
    let (name, described) = (source.name(), form.describe());
    let error = usage_error(format!(
        "{name} is {described}, but {flag} takes {expected}"
    ));
    let flag = form.flag();
    let hint = match form {
        InputForm::Toml => format!("use {flag} only for nvim-web's configuration"),
        _ => {
            let file = match file {
                "-" => "FILENAME".into(),
                file => quote_word(file),
            };
            format!("use {flag}: kubectl session {command} {flag} {file}")
        }
    };
    Err(with_hint(error, hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::ErrorWithHint;

    #[test]
    fn a_file_of_the_other_flag_is_named_with_it() {
        let nvim = "[kubernetes]\nenabled = true\n";
        for (text, is_config, wanted) in [
            ("kind: Pod\n", false, Ok(InputForm::Objects)),
            ("{{ x }}", false, Ok(InputForm::Objects)),
            (nvim, true, Ok(InputForm::NvimConfig)),
            ("[kubernetes\n", true, Ok(InputForm::NvimConfig)),
            ("a = 1\n", true, Ok(InputForm::Toml)),
            (
                nvim,
                false,
                Err((
                    "a b is an nvim-web configuration, but -f takes YAML or JSON",
                    "use --config: kubectl session create --config 'a b'",
                )),
            ),
            (
                "a = 1\n",
                false,
                Err((
                    "a b is a TOML file, but -f takes YAML or JSON",
                    "use --config only for nvim-web's configuration",
                )),
            ),
            (
                "name: a\nproviders: {}\n",
                true,
                Err((
                    "a b is a Sindri configuration, but --config takes nvim-web's configuration (TOML)",
                    "use -f: kubectl session create -f 'a b'",
                )),
            ),
            (
                "kind: Pod\n",
                true,
                Err((
                    "a b is a YAML file, but --config takes nvim-web's configuration (TOML)",
                    "use -f: kubectl session create -f 'a b'",
                )),
            ),
        ] {
            let source = Source::new("a b", text).unwrap();
            let form = input_form("create", "a b", is_config, &source);
            let form = form.map_err(|error| {
                let hint = error.downcast_ref::<ErrorWithHint>();
                let hint = hint.map(|error| error.hint.clone());
                (error.to_string(), hint.unwrap_or_default())
            });
            let wanted = wanted.map_err(|(error, hint)| (error.to_owned(), hint.to_owned()));
            assert_eq!(form, wanted, "{text}");
        }
    }
}
