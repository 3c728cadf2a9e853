/* What a reader of the page could not see or read, as a list of sentences; [] if all is well.

   Every text that is shown is measured as the rectangles of its rows, each cut to the height of its letters.
   options.scrolls: a selector of elements that may be wider inside than outside, [] of them by default.
   options.contrast: the least contrast of a text with what is behind it (WCAG 2.2, 1.4.3). */
options => {
  const found = [], width = document.documentElement.clientWidth
  const say = (what, box) => found.push(`${what}: ${box.text.slice(0, 50)} (${Math.round(box.left)}..${Math.round(box.right)}, ${Math.round(box.top + scrollY)})`)
  const LETTERS = .66, SLACK = 1.5, LEAST = options.contrast ?? 4.5, LEAST_LARGE = Math.min(3, LEAST)

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
  const toRgba = text => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data
    return [red, green, blue, alpha / 255]
  }
  const blend = ([r, g, b, a], under) => [r * a + under[0] * (1 - a), g * a + under[1] * (1 - a), b * a + under[2] * (1 - a), 1]
  const luminance = rgb => {
    const [r, g, b] = rgb.slice(0, 3).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    return .2126 * r + .7152 * g + .0722 * b
  }
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (high + .05) / (low + .05)
  }
  const ancestors = element => {
    const chain = []
    for (let at = element; at; at = at.parentElement) chain.push(at)
    return chain
  }
  const behind = chain => chain.map(e => toRgba(getComputedStyle(e).backgroundColor))
    .reduceRight((under, over) => blend(over, under), [255, 255, 255, 1])
  const inBar = (box, paper) => {
    const bars = [...box.element.closest("svg").querySelectorAll("rect")].filter(bar => {
      const rim = bar.getBoundingClientRect()
      return rim.left <= box.left && rim.right >= box.right && rim.bottom > box.top && rim.top < box.bottom
    })
    return bars.reduce((under, bar) => {
      const style = getComputedStyle(bar), [red, green, blue, alpha] = toRgba(style.fill)
      return blend([red, green, blue, alpha * parseFloat(style.fillOpacity)], under)
    }, paper)
  }
  const shows = element => element.checkVisibility({opacityProperty: true, visibilityProperty: true})

  const boxes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node; node = walker.nextNode();) {
    const element = node.parentElement
    if (!node.data.trim() || element.closest("script,style,title") || !shows(element)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.height < 1) continue
      const rim = rect.height * (1 - LETTERS) / 2
      boxes.push({element, node, text: node.data.trim(), left: rect.left, right: rect.right, top: rect.top + rim, bottom: rect.bottom - rim})
    }
  }
  if (!boxes.length) found.push("nothing is shown")

  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} pixels wide on a screen of ${width}`)
  for (const box of boxes) {
    let free = false
    for (const at of ancestors(box.element)) {
      const style = getComputedStyle(at), rim = at.getBoundingClientRect()
      if (at === document.documentElement || at === document.body || style.overflowX === "visible") continue
      const out = box.left < rim.left - SLACK || box.right > rim.right + SLACK
      const above = style.overflowY !== "visible" && style.overflowY !== "auto" && style.overflowY !== "scroll"
        && (box.top < rim.top - SLACK || box.bottom > rim.bottom + SLACK)
      const may = options.scrolls && at.matches(options.scrolls)
      if ((out && !may) || above) say("cut", box)
      free ||= may
    }
    if (!free && (box.left < -SLACK || box.right > width + SLACK)) say("outside of the screen", box)
  }

  boxes.sort((one, other) => one.top - other.top)
  boxes.forEach((one, at) => {
    for (const other of boxes.slice(at + 1)) {
      if (other.top >= one.bottom) break
      if (other.node === one.node) continue
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left)
      const down = Math.min(one.bottom, other.bottom) - other.top
      if (across > SLACK && down > SLACK) say(`lies over “${other.text.slice(0, 40)}”`, one)
    }
  })

  const judged = new Set()
  for (const box of boxes) {
    if (judged.has(box.element)) continue
    judged.add(box.element)
    const style = getComputedStyle(box.element), chain = ancestors(box.element)
    const drawn = box.element.closest("svg") !== null
    const haloed = drawn && parseFloat(style.strokeWidth) > 0 && style.stroke !== "none"
    const back = haloed ? blend(toRgba(style.stroke), behind(chain)) : drawn ? inBar(box, behind(chain)) : behind(chain)
    const ink = toRgba(drawn ? style.fill : style.color)
    ink[3] *= chain.reduce((left, at) => left * parseFloat(getComputedStyle(at).opacity), 1)
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700)
    const seen = contrast(blend(ink, back), back)
    if (seen < (large ? LEAST_LARGE : LEAST)) say(`contrast ${seen.toFixed(2)}`, box)
  }
  return [...new Set(found)]
}
