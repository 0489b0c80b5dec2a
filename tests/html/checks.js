// What a page shows, measured on the page: to be evaluated there.
(() => {
  const rgb = (color) => {
    const parts = color.match(/[\d.]+/g).map(Number);
    return parts.length === 4 ? parts : [...parts, 1];
  };
  // WCAG 2.2, relative luminance and contrast ratio.
  const luminance = (color) => {
    const [r, g, b] = color.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      // Text of a picture stands on the shape before it, or on the page.
      const shape = at.previousElementSibling;
      if (at.localName === "text" && shape && ["rect", "circle"].includes(shape.localName) && element === at) {
        return rgb(getComputedStyle(shape).fill);
      }
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color[3] === 1) return color;
    }
    return [255, 255, 255, 1];
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "TITLE", "DESC", "title", "desc"].includes(element.nodeName)) continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const color = rgb(element.closest("svg") ? style.fill : style.color);
    texts.push({ text: node.data.slice(0, 40), ratio: contrast(color.slice(0, 3), behind(element).slice(0, 3)) });
  }
  const cut = [...document.querySelectorAll("svg text")].filter((text) => {
    const inner = text.getBoundingClientRect();
    const outer = text.closest("svg").getBoundingClientRect();
    return inner.right > outer.right + 1 || inner.left < outer.left - 1;
  });
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((heading) => heading.checkVisibility());
  return {
    low: texts.filter((text) => text.ratio < 4.5),
    texts: texts.length,
    cut: cut.map((text) => text.textContent),
    width: document.scrollingElement.scrollWidth,
    wide: [...document.querySelectorAll("pre")].filter((pre) => pre.scrollWidth > pre.clientWidth + 1).map((pre) => pre.id),
    levels: headings.map((heading) => Number(heading.localName[1])),
    first: document.body.querySelector("h1, h2, h3").textContent,
    pictures: [...document.querySelectorAll("svg")].map((svg) => [
      svg.querySelector(":scope > title").textContent,
      svg.querySelector(":scope > desc").textContent,
    ]),
    unnamed: [...document.querySelectorAll("button")].filter((button) => !button.textContent.trim()).length,
    names: [...new Set([...document.querySelectorAll("*")].map((element) => element.localName))],
    handlers: [...document.querySelectorAll("*")].flatMap((element) =>
      [...element.attributes].filter((a) => a.name.startsWith("on") || a.name === "style" || a.name === "src").map((a) => a.name)),
    links: [...document.querySelectorAll("[href]")].map((element) => element.getAttribute("href")),
    duplicates: (() => {
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      return ids.filter((id, at) => ids.indexOf(id) !== at);
    })(),
    font: getComputedStyle(document.querySelector("h1")).borderLeftStyle,
    lang: document.documentElement.lang,
  };
})()
