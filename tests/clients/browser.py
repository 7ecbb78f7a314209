"""Headless Chromium, driven by Selenium, and what a page must show in it."""

import os
import shutil
import tempfile

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

WIDE, PHONE = (1200, 900), (390, 844)


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    # Chromium has a socket there, and the path of a socket has at most 107 bytes.
    profile = tempfile.mkdtemp(dir="/tmp")
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--hide-scrollbars", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(shutil.which("chromedriver"), env={**os.environ, "TMPDIR": "/tmp"})
    driver = webdriver.Chrome(options=options, service=service)
    driver.profile = profile
    return driver


def show(driver, size, scheme, height=None):
    """Gives the page a size, and light or dark colours."""
    width, window = size
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height or window, "deviceScaleFactor": 1, "mobile": width < 600})
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


# Words that stand out less from their ground than WCAG's level AA asks for.
CONTRAST = """
const parse = (c) => c.match(/[0-9.]+/g).map(Number);
const light = ([r, g, b]) => {
  const of = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * of(r) + 0.7152 * of(g) + 0.0722 * of(b);
};
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const faint = [];
for (const e of document.querySelectorAll('body *')) {
  const words = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!words || !e.checkVisibility() || e.closest('svg, script, noscript, .skip')) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) faint.push(`${e.tagName} ${e.textContent.trim().slice(0, 20)} ${ratio.toFixed(1)}`);
}
return faint;
"""
