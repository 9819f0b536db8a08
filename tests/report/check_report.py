"""Opens a report in headless Chromium: phone and desktop, light and dark, on paper.

In: the folder of a report and one for the screenshots. Out: screenshots, a PDF, one line per view.
Always: fails on a script error, on anything loaded from elsewhere, on a page that scrolls sideways, on a figure without
size, on text too small or too pale to read, on labels of a figure that overlap or leave it.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

VIEWS = {"phone": (360, 740), "tablet": (800, 1100), "desktop": (1280, 900)}
SMALLEST_PX = 9.0

MEASURE = """() => {
  const shown = e => e.getClientRects().length > 0;
  const figures = [...document.querySelectorAll('svg')].filter(shown).map(svg => {
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(t => ({text: t.textContent, box: t.getBoundingClientRect()}));
    const outside = texts.filter(t => t.box.left < box.left - 1 || t.box.right > box.right + 1 ||
      t.box.top < box.top - 2 || t.box.bottom > box.bottom + 2).map(t => t.text);
    const overlaps = [];
    for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
      const a = texts[i].box, b = texts[j].box;
      const w = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (w > 1 && h > 3) overlaps.push(texts[i].text + ' | ' + texts[j].text);
    }
    const small = texts.length ? Math.min(...[...svg.querySelectorAll('text')].map(t =>
      parseFloat(getComputedStyle(t).fontSize) * box.width / svg.viewBox.baseVal.width)) : 99;
    const name = svg.querySelector('title');
    return {name: name ? name.textContent : '', width: box.width, height: box.height, outside, overlaps, small};
  });
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const level = c => { const [r, g, b] = light(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) return c;
    }
    return [255, 255, 255];
  };
  const pale = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !shown(e) || e.closest('title, desc, style')) continue;
    const style = getComputedStyle(e);
    const a = level(rgb(e.closest('svg') ? style.fill : style.color)), b = level(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) pale.add(walk.currentNode.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  // 4.5 is what WCAG 2 AA asks of normal text.
  return {figures, pale: [...pale], scrolls: document.documentElement.scrollWidth - document.documentElement.clientWidth};
}"""


def chromium():
    """The system's browser; a download of Playwright's own is not needed."""
    found = os.environ.get("FLEXAI_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        sys.exit("error: no Chromium found\n\nhint: install chromium, or set FLEXAI_CHROMIUM")
    return found


def faults_of(name, measured):
    """What is wrong in one view."""
    faults = []
    if measured["scrolls"] > 0:
        faults.append(f"the page scrolls sideways by {measured['scrolls']} px")
    if not measured["figures"]:
        faults.append("no figure is shown")
    for figure in measured["figures"]:
        if min(figure["width"], figure["height"]) < 100:
            faults.append(f"`{figure['name']}` has no size: {figure['width']:.0f} x {figure['height']:.0f}")
        if figure["small"] < SMALLEST_PX:
            faults.append(f"`{figure['name']}`: text of {figure['small']:.1f} px")
        faults += [f"`{figure['name']}`: `{text}` leaves the drawing" for text in figure["outside"]]
        faults += [f"`{figure['name']}`: `{pair}` overlap" for pair in figure["overlaps"]]
    faults += [f"too pale: {text}" for text in measured["pale"]]
    return [f"{name}: {fault}" for fault in faults]


def look(browser, page_file, shots, name, size, scheme):
    """Opens one view, every choice of it, and returns its faults."""
    faults = []
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        offline=True,
    )
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"{name}: script error: {error}"))
    page.on("console", lambda line: faults.append(f"{name}: console: {line.text}") if line.type == "error" else None)
    local = page_file.parent.as_uri()
    page.on(
        "request",
        lambda request: None
        if request.url.startswith((local, "data:"))
        else faults.append(f"{name}: loads {request.url}"),
    )
    page.goto(page_file.as_uri())
    figures = 0
    choices = page.locator("input[type=radio]").count()
    for choice in range(max(choices, 1)):
        if choices:
            page.locator(".choices > label").nth(choice).click()
        measured = page.evaluate(MEASURE)
        figures = max(figures, len(measured["figures"]))
        faults += faults_of(f"{name}, choice {choice + 1}", measured)
    if choices:
        page.locator(".choices > label").nth(0).click()
    page.screenshot(path=shots / f"{name}.png", full_page=True)
    print(f"{name}: {figures} figures, {choices} choices")
    if name == "desktop-light":
        page.pdf(path=shots / "paper.pdf", prefer_css_page_size=True, print_background=True)
    context.close()
    return sorted(set(faults))


def look_at_drawing(browser, svg, shots, scheme):
    """A figure that stands alone."""
    context = browser.new_context(viewport={"width": 960, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(svg.as_uri())
    box = page.evaluate("() => { const b = document.documentElement.getBoundingClientRect(); return [b.width, b.height] }")
    page.screenshot(path=shots / f"{svg.stem}-{scheme}.png")
    context.close()
    return [] if min(box) >= 100 else [f"{svg.name}: {box[0]:.0f} x {box[1]:.0f} px"]


def main():
    """Looks at every view and ends with 1 if one has a fault."""
    folder, shots = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    shots.mkdir(parents=True, exist_ok=True)
    faults = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for view, size in VIEWS.items():
            for scheme in ("light", "dark"):
                faults += look(browser, folder / "index.html", shots, f"{view}-{scheme}", size, scheme)
        drawings = sorted((folder / "figures").glob("*.svg"))
        for svg in drawings:
            faults += look_at_drawing(browser, svg, shots, "light")
        faults += look_at_drawing(browser, drawings[0], shots, "dark") if drawings else ["no figures beside the page"]
        browser.close()
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    print(f"screenshots in {shots.name}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
