# shellcheck shell=bash
# A browser for the tests of the bot's pages.

# What the tests look for, and what it is called in Debian.
BROWSER_NAMES=(chromium chromium-browser google-chrome google-chrome-stable chrome)
BROWSER_PACKAGES=(chromium chromium-driver)

# browser_ready: makes sure of Chromium and ChromeDriver. Without them the run goes on; NO_BROWSER then says why there is none.
browser_ready() {
  NO_BROWSER=
  if browser_found || { debian_install "${BROWSER_PACKAGES[@]}" && browser_found; }; then
    say "  browser: $(chromedriver --version 2>/dev/null | cut -d ' ' -f 1,2)"
    return 0
  fi
  NO_BROWSER='Chromium and chromedriver are not both in PATH, and only root on Debian gets them here: install them'
  say "  browser: none ($NO_BROWSER)"
}

browser_found() {
  command -v chromedriver >/dev/null && command -v "${BROWSER_NAMES[@]}" >/dev/null
}
