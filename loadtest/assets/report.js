"use strict";
(() => {
  const { result: run, curves } = JSON.parse(document.getElementById("result").textContent);
  const root = document.documentElement;

  // ---- elements; text is always inserted as text, never as markup ----
  const el = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) node.append(child);
    return node;
  };
  const table = (heads, rows) =>
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, heads.map((h) => el("th", h.num ? { class: "num", scope: "col" } : { scope: "col" }, h.text)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell, i) =>
        el("td", { class: (heads[i].num ? "num " : "") + (heads[i].expr ? "mono expr" : "") }, cell)))))));
  const num = (text) => ({ text, num: true });

  // ---- numbers ----
  const grouped = (n) => Math.round(n).toLocaleString("en-US");
  const plain = (n, digits) => n.toLocaleString("en-US", { maximumFractionDigits: digits });
  // Latencies are rounded up, so that what is shown is never exceeded.
  const up = (n, digits) => (Math.ceil(n * 10 ** digits - 1e-9) / 10 ** digits).toFixed(digits);
  const ms = (v) => v < 1 ? up(v * 1000, 0) + " µs" : v < 100 ? up(v, 1) + " ms" : v < 1000 ? up(v, 0) + " ms" : up(v / 1000, 2) + " s";
  const kib = (v) => Math.abs(v) < 1024 ? plain(v, 1) + " KiB" : Math.abs(v) < 1048576 ? plain(v / 1024, 1) + " MiB" : plain(v / 1048576, 2) + " GiB";
  const duration = (s) => s < 60 ? plain(s, 1) + " s" : s < 3600 ? Math.floor(s / 60) + " min " + Math.round(s % 60) + " s" : Math.floor(s / 3600) + " h " + Math.round(s % 3600 / 60) + " min";
  const clock = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
  const shown = (value, unit) => ({
    count: grouped, ms, s: (v) => up(v, 2) + " s", KiB: kib, "%": (v) => plain(v, 2) + " %", ratio: (v) => plain(v, 2) + "×",
    cores: (v) => plain(v, 2) + " cores", "/s": (v) => plain(v, 1) + " /s", "KiB/h": (v) => kib(v) + "/h",
  }[unit] || ((v) => plain(v, 3) + " " + unit))(value);
  const value = (name) => { const m = run.metrics[name]; return m && m.type === "value" ? m.value : null; };
  const spread = (name) => { const m = run.metrics[name]; return m && m.type === "distribution" && m.count > 0 ? m : null; };

  // ---- text sections ----
  const copyButton = (text) => {
    const button = el("button", { type: "button" }, "Copy");
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(button.parentNode.querySelector("pre")); button.textContent = "Selected"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    return button;
  };
  const command = (text) => el("div", { class: "command" }, el("pre", {}, text), copyButton(text));

  const head = () => {
    const failed = run.assertions.filter((a) => !a.ok).length;
    const [word, kind] = !run.passed ? ["FAIL", "fail"] : run.valid ? ["PASS", "pass"] : ["TAINTED", "taint"];
    const theme = el("button", { type: "button", title: "Light or dark" }, "Theme");
    theme.addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
    const started = new Date(run.run.started_unix_ms).toISOString().replace("T", " ").slice(0, 19) + " UTC";
    return el("header", { class: "head" },
      el("span", { class: "badge " + kind, role: "status" }, word),
      el("div", {}, el("h1", {}, run.run.scenario + " · " + run.run.target),
        el("p", {}, [started, duration(run.run.duration_s), "seed " + run.run.seed,
          failed ? failed + " of " + run.assertions.length + " assertions failed" : run.assertions.length + " assertions held"].join(" · "))),
      theme);
  };

  const taint = () => run.valid ? null : el("div", { class: "note", role: "alert" },
    el("strong", {}, "The tester itself was the bottleneck: do not quote these latencies."),
    el("ul", {}, run.taint.map((line) => el("li", {}, line))));

  const tiles = () => {
    const list = [];
    const tile = (label, text, bad) => list.push(el("div", { class: "tile" + (bad ? " bad" : "") }, el("b", {}, text), el("span", {}, label)));
    const count = (label, names, alarm) => {
      const name = names.find((n) => value(n) !== null);
      if (name) tile(label, shown(value(name), run.metrics[name].unit), alarm && value(name) > 0);
    };
    count("connections, peak", ["conns.peak", "conns.opened"]);
    count("delivered", ["delivered", "received", "delivery.received"]);
    count("silent losses", ["loss.silent"], true);
    const d = spread("delivery");
    if (d) { tile("delivery p50", ms(d.p50)); tile("delivery p99", ms(d.p99)); tile("delivery max", ms(d.max)); }
    const f = spread("fanout.complete");
    if (f) tile("last recipient p99", ms(f.p99));
    if (run.server) {
      if (run.server.kib_per_conn !== null) tile("server memory per connection", kib(run.server.kib_per_conn));
      tile("server memory, peak", kib(run.server.rss_peak_kib));
      tile("server cores, peak", plain(run.server.cpu_peak, 2));
    }
    tile("tester, send lag p99", ms(run.tester.send_lag_p99_ms), !run.valid);
    return el("div", { class: "tiles" }, list);
  };

  const assertions = () => el("section", {}, el("h2", {}, "Assertions"),
    run.assertions.length === 0 ? el("p", { class: "empty" }, "None.") :
      table([{ text: "" }, { text: "condition", expr: true }, num("measured")],
        [...run.assertions].sort((a, b) => a.ok - b.ok).map((a) =>
          [el("span", { class: "mark " + (a.ok ? "ok" : "bad") }, a.ok ? "ok" : "FAIL"), a.expr, a.actual])),
    (run.skipped || []).length > 0 && el("h3", {}, "Not asserted"),
    (run.skipped || []).length > 0 && el("ul", {}, run.skipped.map((s) => el("li", {}, el("code", {}, s.expr), ": " + s.reason))));

  const failures = () => run.failures.length === 0 ? null : el("section", {}, el("h2", {}, "What failed"),
    run.failures.map((f) => {
      const assertion = run.assertions.find((a) => a.expr === f.expr);
      return el("div", { class: "failure" },
        el("h4", {}, el("code", {}, f.expr), assertion && !assertion.ok ? "  got " + assertion.actual : null),
        f.evidence.length > 0 && el("ul", {}, f.evidence.map((line) => el("li", { class: "mono" }, line))),
        f.replay && command(f.replay));
    }));

  const metrics = () => {
    const quantiles = ["p50", "p90", "p99", "p999", "p9999", "max"];
    const spreads = Object.entries(run.metrics).filter(([, m]) => m.type === "distribution" && m.count > 0);
    const values = Object.entries(run.metrics).filter(([, m]) => m.type === "value");
    return el("section", {}, el("details", { open: "" }, el("summary", {}, "All metrics"),
      spreads.length > 0 && table([{ text: "distribution", expr: true }, ...["p50", "p90", "p99", "p99.9", "p99.99", "max", "samples"].map(num)],
        spreads.map(([name, m]) => [name, ...quantiles.map((q) => shown(m[q], m.unit)), grouped(m.count)])),
      values.length > 0 && el("dl", { class: "figures" }, values.map(([name, m]) => el("div", {}, el("dt", { class: "mono" }, name), el("dd", {}, shown(m.value, m.unit)))))));
  };

  const stages = () => (run.stages || []).length === 0 ? null : el("section", {}, el("h2", {}, "Stages"),
    table([{ text: "stage", expr: true }, ...["sockets", "published", "delivered", "p50", "p99", "max"].map(num)],
      run.stages.map((s) => [s.stage, s.open === null ? "–" : grouped(s.open), grouped(s.published), grouped(s.received),
        ...["p50", "p99", "max"].map((q) => s.delivery.count > 0 ? ms(s.delivery[q]) : "–")])));

  const worst = () => {
    if (run.worst.length === 0) return null;
    const most = Math.max(...run.worst.map((w) => w.max_ms), 1e-9);
    return el("section", {}, el("h2", {}, "Connections with the highest latencies"),
      table([num("conn"), num("received"), num("p99 ≤"), num("max"), { text: "" }],
        run.worst.map((w) => {
          const bar = el("span", { class: "bar" });
          bar.style.width = Math.max(2, w.max_ms / most * 90) + "px";
          return [String(w.conn), grouped(w.received), ms(w.p99_ms), ms(w.max_ms), bar];
        })));
  };

  const environment = () => {
    const { host, versions, id } = run.run;
    const lines = [["run", id], ["machine", [host.cores + " cores", host.os, host.arch, host.kernel].filter(Boolean).join(", ")],
      ...Object.entries(versions),
      ["tester", plain(run.tester.cpu_avg, 2) + " cores on average, " + plain(run.tester.cpu_peak, 2) + " peak; loop lag p99 " + ms(run.tester.loop_lag_p99_ms)]];
    const s = run.server;
    if (s) {
      lines.push(["server", "pid " + s.pid + ", " + plain(s.cpu_avg, 2) + " cores on average; at most " + grouped(s.fds_peak) + " descriptors, " + grouped(s.threads_peak) + " threads"]);
      if (s.rss_slope_kib_per_h !== null) lines.push(["memory growth", kib(s.rss_slope_kib_per_h) + "/h while publishing"]);
      lines.push(["leaks", s.leaks.length ? s.leaks.join("; ") : "none"]);
    }
    return el("section", {}, el("h2", {}, "Environment"), command(run.run.cmd),
      el("dl", {}, lines.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])));
  };

  // ---- plots ----
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const plots = [];
  let drawn = [];
  const font = "12px system-ui, sans-serif";
  const axis = (more) => ({ font, stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1, size: 5 }, ...more });
  const line = (label, color, more) => ({ label, stroke: css(color), width: 1.75, points: { show: false }, ...more });
  const isDecade = (v) => v > 0 && Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6;
  // One label per decade, or fewer if they would overlap; grid lines at decades only.
  const decades = (format, room) => (u, splits) => {
    const { min, max } = u.scales.x, each = room ? u.bbox.width / devicePixelRatio / Math.log10(max / min) : Infinity;
    const every = Math.max(1, Math.ceil((room || 0) / each));
    return splits.map((v) => isDecade(v) && Math.round(Math.log10(v)) % every === 0 ? format(v) : "");
  };
  // With too few decades: 1, 2 and 5 of each.
  const steps = (format) => (u, splits) => splits.map((v) => [1, 2, 5].some((n) => isDecade(v / n)) ? format(v) : "");
  const tick = (v) => v < 1 ? plain(v * 1000, 0) + " µs" : v < 1000 ? plain(v, 0) + " ms" : plain(v / 1000, 0) + " s";

  const said = (m) => m.label.startsWith(m.kind) ? m.label : m.kind + ": " + m.label;

  const phaseBands = {
    hooks: {
      drawClear: (u) => {
        const { ctx, bbox } = u;
        ctx.save();
        run.phases.forEach((p, i) => {
          if (i % 2) return;
          const from = Math.max(u.valToPos(p.from_s, "x", true), bbox.left), to = Math.min(u.valToPos(p.to_s, "x", true), bbox.left + bbox.width);
          ctx.fillStyle = css("--band");
          if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
        });
        ctx.restore();
      },
      draw: (u) => {
        const { ctx, bbox } = u, dpr = devicePixelRatio;
        ctx.save();
        ctx.font = 11 * dpr + "px system-ui, sans-serif"; ctx.textBaseline = "top"; ctx.textAlign = "left";
        // A label goes into the first row where it does not touch another. Those that fit nowhere are only in the list above.
        const taken = [];
        const bar = (at, color, dash, text) => {
          const x = Math.round(u.valToPos(at, "x", true));
          if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
          ctx.strokeStyle = ctx.fillStyle = color; ctx.lineWidth = dpr; ctx.setLineDash(dash.map((d) => d * dpr));
          ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
          if (!text) return;
          const wide = ctx.measureText(text).width, right = bbox.left + bbox.width, gap = 4 * dpr;
          const from = x + gap + wide > right ? x - wide - gap : x + gap;
          if (from < bbox.left) return;
          const row = (bbox.width > 480 * dpr ? [0, 1, 2, 3] : [0]).find((r) => taken.every((t) => t.row !== r || from > t.to + 2 * gap || from + wide + 2 * gap < t.from));
          if (row === undefined) return;
          taken.push({ row, from, to: from + wide });
          const top = bbox.top + (2 + 13 * row) * dpr;
          // The background of the page behind the text keeps curves from crossing it.
          ctx.fillStyle = css("--card"); ctx.globalAlpha = .8; ctx.fillRect(from - dpr, top - dpr, wide + 2 * dpr, 13 * dpr); ctx.globalAlpha = 1;
          ctx.fillStyle = color; ctx.fillText(text, from, top);
        };
        run.phases.forEach((p, i) => { if (i) bar(p.from_s, css("--soft"), [2, 4]); });
        run.marks.forEach((m) => bar(m.at_s, css("--mark"), [6, 3], u.showMarks ? said(m).slice(0, 40) : ""));
        ctx.restore();
      },
    },
  };

  const pick = (key) => run.timeseries.map((row) => row[key] === undefined ? null : row[key]);
  const timeAxis = (more) => axis({ values: (u, splits) => splits.map(clock), space: 60, size: 30, ...more });
  const end = Math.max(run.run.duration_s, ...pick("at_s"), 1);

  // One plot on the shared time axis. Its legend shows the values at the cursor.
  const overTime = (title, series, format, { log = false, marks = false } = {}) => {
    const keys = series.map((s) => ({ value: el("b", {}), swatch: el("i", {}) }));
    const holder = el("div", { class: "plot" });
    const node = el("div", {}, el("h3", {}, title, series.map((s, i) => el("span", { class: "key" }, keys[i].swatch, s.label + " ", keys[i].value))), holder);
    const data = [pick("at_s"), ...series.map((s) => log ? pick(s.key).map((v) => v > 0 ? v : null) : pick(s.key))];
    plots.push({
      holder,
      make: (width) => {
        series.forEach((s, i) => { keys[i].swatch.style.background = css(s.color); });
        const peak = Math.max(...data.slice(1).flat().filter((v) => v !== null), 0), low = Math.min(...data.slice(1).flat().filter((v) => v !== null && v > 0));
        const y = log ? { distr: 3, range: [10 ** Math.floor(Math.log10(Number.isFinite(low) ? low : 1)), 10 ** Math.ceil(Math.log10(peak || 10) + 1e-9)] } : { range: [0, peak * 1.08 || 1] };
        const plot = new uPlot({
          width, height: 132, ms: 1, padding: [8, 14, 0, 0], legend: { show: false },
          scales: { x: { time: false, range: [0, end] }, y },
          cursor: { sync: { key: "time" }, drag: { x: false, y: false }, points: { size: 6 } },
          axes: [timeAxis(), axis({ size: 74, space: 28, values: log ? decades(tick) : (u, splits) => splits.map(format) })],
          series: [{}, ...series.map((s) => line(s.label, s.color, { spanGaps: false, fill: s.fill ? css(s.color) + "22" : undefined,
            points: run.timeseries.length < 3 ? { show: true } : { show: false } }))],
          plugins: [phaseBands],
          hooks: { setCursor: [(u) => series.forEach((s, i) => {
            const at = u.cursor.idx, v = at === null || at === undefined ? null : u.data[i + 1][at];
            keys[i].value.textContent = v === null || v === undefined ? "" : (s.exact || format)(v);
          })] },
        }, data, holder);
        plot.showMarks = marks;
        if (marks) plot.redraw(false);
        return plot;
      },
    });
    return node;
  };

  // The heat map of deliveries: one column per second, one row per latency bin; a stronger colour means more.
  const heat = () => {
    const rows = run.timeseries, edge = (bin) => 0.064 * 2 ** (bin / 2);
    const cells = rows.flatMap((row, i) => (row.latency_bins || []).map(([bin, n]) => ({ from: i ? rows[i - 1].at_s : Math.max(0, row.at_s - 1), to: row.at_s, bin, n })));
    if (cells.length === 0) return null;
    const bins = cells.map((c) => c.bin), low = Math.min(...bins), high = Math.max(...bins) + 1, most = Math.max(...cells.map((c) => c.n));
    const range = [edge(low), edge(Math.max(high, low + 4))];
    const read = el("b", {}), holder = el("div", { class: "plot" });
    const node = el("div", {}, el("h3", {}, "deliveries by latency; stronger colour means more", el("span", { class: "key" }, read)), holder);
    plots.push({
      holder,
      make: (width) => new uPlot({
        width, height: 168, ms: 1, padding: [8, 14, 0, 0], legend: { show: false },
        scales: { x: { time: false, range: [0, end] }, y: { distr: 3, range } },
        cursor: { sync: { key: "time", scales: ["x", null] }, drag: { x: false, y: false }, points: { show: false } },
        axes: [timeAxis(), axis({ size: 74, space: 14, values: (range[1] / range[0] > 100 ? decades : steps)(tick) })],
        series: [{}, { show: true, stroke: "transparent", points: { show: false } }],
        plugins: [phaseBands],
        hooks: {
          drawSeries: [(u) => {
            const { ctx } = u, color = css("--c1");
            ctx.save();
            ctx.fillStyle = color;
            for (const c of cells) {
              const left = u.valToPos(c.from, "x", true), right = u.valToPos(c.to, "x", true);
              const top = u.valToPos(edge(c.bin + 1), "y", true), bottom = u.valToPos(c.bin === 0 ? range[0] : edge(c.bin), "y", true);
              ctx.globalAlpha = .1 + .9 * Math.log1p(c.n) / Math.log1p(most);
              ctx.fillRect(left, top, Math.max(right - left, 1), Math.max(bottom - top, 1));
            }
            ctx.restore();
          }],
          setCursor: [(u) => {
            const { left, top } = u.cursor;
            const at = left >= 0 ? u.posToVal(left, "x") : -1, y = top >= 0 ? u.posToVal(top, "y") : -1;
            const c = cells.find((c) => c.from < at && at <= c.to && y < edge(c.bin + 1) && (c.bin === low || edge(c.bin) <= y));
            read.textContent = c ? grouped(c.n) + " from " + (c.bin ? ms(edge(c.bin)) : "0") + " to " + ms(edge(c.bin + 1)) : "";
          }],
        },
      }, [pick("at_s"), rows.map(() => null)], holder),
    });
    return node;
  };

  const timeline = () => {
    if (run.timeseries.length === 0) return null;
    const some = (key) => run.timeseries.some((row) => row[key] !== null && row[key] !== undefined);
    const cores = (v) => plain(v, 2), short = (v) => v >= 1e6 ? plain(v / 1e6, 2) + " M" : v >= 10e3 ? plain(v / 1e3, 1) + " k" : plain(v, 1);
    return el("section", { class: "over-time" },
      el("h2", {}, "Over time", el("small", {}, "one time axis for all; hover for the figures")),
      el("ul", { class: "phases" }, run.phases.map((p) => el("li", {}, el("b", {}, p.name), " " + clock(p.from_s) + "–" + clock(p.to_s))),
        run.marks.slice(0, 12).map((m) => el("li", {}, el("b", {}, clock(m.at_s)), " " + said(m))), run.marks.length > 12 && el("li", {}, "… " + (run.marks.length - 12) + " more")),
      some("p50_ms") && overTime("delivery, from due time", [{ key: "p50_ms", label: "p50", color: "--c1" }, { key: "p99_ms", label: "p99", color: "--c2" }], ms, { log: true, marks: true }),
      heat(),
      overTime("connections open", [{ key: "open", label: "open", color: "--c1", fill: true, exact: grouped }], short, { marks: !some("p50_ms") }),
      overTime("messages per second", [{ key: "received", label: "received", color: "--c1", exact: grouped, fill: true }, { key: "published", label: "published", color: "--c2", exact: grouped }], short),
      overTime("cores", [...(some("server_cpu") ? [{ key: "server_cpu", label: "server", color: "--c3" }] : []), { key: "tester_cpu", label: "tester", color: "--c4" }], cores),
      some("server_rss_kib") && overTime("server memory, resident", [{ key: "server_rss_kib", label: "rss", color: "--c3", fill: true }], kib));
  };

  const percentiles = () => {
    if (curves.length === 0) return null;
    const holder = el("div", { class: "plot" }), colors = ["--c1", "--c2", "--c3", "--c4"];
    const swatches = curves.map(() => el("i", {})), read = curves.map(() => el("b", {})), where = el("b", {});
    // x is 1/(1-q), so that every further nine has the same width.
    const xs = [...new Set(curves.flatMap((c) => c.points.map((p) => p[0])))].sort((a, b) => a - b);
    const data = [xs, ...curves.map((c) => { const at = new Map(c.points); return xs.map((x) => at.has(x) ? at.get(x) : null); })];
    const name = (x) => x <= 1 ? "0 %" : plain(100 - 100 / x, Math.max(0, Math.ceil(Math.log10(x) - 2 + 1e-9))) + " %";
    const values = data.slice(1).flat().filter((v) => v > 0);
    plots.push({
      holder,
      make: (width) => {
        swatches.forEach((s, i) => { s.style.background = css(colors[i % 4]); });
        return new uPlot({
          width, height: 300, padding: [8, 40, 0, 0], legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { size: 6 } },
          scales: { x: { time: false, distr: 3, range: [1, Math.max(100, 10 ** Math.ceil(Math.log10(xs[xs.length - 1]) - 1e-9))] }, y: { distr: 3, range: [10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(Math.max(...values)) + 1e-9)] } },
          axes: [axis({ values: decades(name, 64), space: 30, size: 30 }), axis({ size: 74, space: 28, values: decades(tick) })],
          series: [{}, ...curves.map((c, i) => line(c.name, colors[i % 4], { spanGaps: true, width: 2 }))],
          hooks: { setCursor: [(u) => {
            const at = u.cursor.idx;
            where.textContent = at === null || at === undefined ? "" : "at " + name(xs[at]);
            curves.forEach((c, i) => {
              const under = at === null || at === undefined ? null : c.points.find((p) => p[0] >= xs[at]) || c.points[c.points.length - 1];
              read[i].textContent = under ? ms(under[1]) : "";
            });
          }] },
        }, data, holder);
      },
    });
    return el("section", {}, el("h2", {}, "Latency by percentile", el("small", {}, "each step to the right adds a nine")),
      el("h3", {}, curves.map((c, i) => el("span", { class: "key" }, swatches[i], c.name + " ", read[i])), where), holder);
  };

  // ---- the page ----
  const draw = () => {
    drawn.forEach((plot) => plot.destroy());
    drawn = plots.map(({ holder, make }) => make(Math.max(200, holder.clientWidth)));
  };
  const setTheme = (theme) => { root.dataset.theme = theme; draw(); };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  root.dataset.theme = dark.matches ? "dark" : "light";
  document.getElementById("report").append(...[head(), taint(), tiles(), failures(),
    el("div", { class: "pair" }, assertions(), percentiles()), stages(), timeline(), worst(), metrics(), environment()].filter(Boolean));
  draw();
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  let waiting = 0;
  addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => drawn.forEach((plot, i) => plot.setSize({ width: Math.max(200, plots[i].holder.clientWidth), height: plot.height }))); });
  let before = null;
  addEventListener("beforeprint", () => { before = root.dataset.theme; setTheme("light"); });
  addEventListener("afterprint", () => { setTheme(before); });
})();
