//! What the page may do: run its own script, in its own style, and nothing else.

/// The script: it copies, switches the language of the letters and hands out the JSON. All is there to read without it.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// How the page looks.
pub(super) const STYLE: &str = include_str!("page.css");

/// Names script and style by their hashes (CSP Level 3). `data:` is for the icon that there is not.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'sha256-oSc0BrqjpXU+J+Lh33268yAfW6jNKYRPLGSuM0v/K2Y='; style-src 'sha256-xCbpZ2YbMtOLM6tBbhA11ABBHYO/jC57NRsDzHXrLZE='; img-src data:; base-uri 'none'; \
                                 form-action 'none'";
