//go:build integration && linux

package integration

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy/bench"
)

// browser is a headless Chromium with one page, spoken to by its DevTools
// protocol through a pair of pipes: JSON, each message ended by a zero byte.
type browser struct {
	t       *testing.T
	to      *os.File
	session string

	mu      sync.Mutex
	id      int
	answers map[int]chan json.RawMessage
	events  []browserEvent
}

type browserEvent struct {
	Method string
	Params json.RawMessage
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium: integration/install.sh")
	}
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "--window-size=1100,1400", "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, answers} // 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	answers.Close()
	b := &browser{t: t, to: to, answers: map[int]chan json.RawMessage{}}
	go b.read(bufio.NewReaderSize(from, 1<<20))
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		to.Close()
		from.Close()
	})
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	eventually(t, 30*time.Second, "the browser has a page", func() bool {
		b.call("Target.getTargets", nil, &targets)
		return slices.ContainsFunc(targets.TargetInfos, func(x struct{ TargetID, Type string }) bool { return x.Type == "page" })
	})
	for _, x := range targets.TargetInfos {
		if x.Type == "page" {
			var got struct{ SessionID string }
			b.call("Target.attachToTarget", map[string]any{"targetId": x.TargetID, "flatten": true}, &got)
			b.session = got.SessionID
			break
		}
	}
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) read(from *bufio.Reader) {
	for {
		message, err := from.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Result json.RawMessage
			Error  json.RawMessage
			browserEvent
		}
		if err := json.Unmarshal(message[:len(message)-1], &m); err != nil {
			continue
		}
		b.mu.Lock()
		if m.Method != "" {
			b.events = append(b.events, m.browserEvent)
		} else if c := b.answers[m.ID]; c != nil {
			if m.Result == nil {
				m.Result = m.Error
			}
			c <- m.Result
			delete(b.answers, m.ID)
		}
		b.mu.Unlock()
	}
}

// call calls a method and reads its answer into the last argument.
func (b *browser) call(method string, params map[string]any, into any) {
	b.t.Helper()
	b.mu.Lock()
	b.id++
	id, answer := b.id, make(chan json.RawMessage, 1)
	b.answers[id] = answer
	b.mu.Unlock()
	m := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		m["params"] = map[string]any{}
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	select {
	case got := <-answer:
		if into != nil {
			if err := json.Unmarshal(got, into); err != nil {
				b.t.Fatalf("%s: %v: %s", method, err, got)
			}
		}
	case <-time.After(60 * time.Second):
		b.t.Fatalf("%s is not answered", method)
	}
}

// evaluate gives the value of an expression in the page.
func (b *browser) evaluate(expression string, into any) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &got)
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, got.ExceptionDetails)
	}
	if err := json.Unmarshal(got.Result.Value, into); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, got.Result.Value)
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	eventually(b.t, 30*time.Second, "the page is there", func() bool {
		var done bool
		b.evaluate(`document.readyState === 'complete' && document.querySelectorAll('h1').length === 1`, &done)
		return done
	})
}

// key presses a key that has no character.
func (b *browser) key(name string, code int, text string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		p := map[string]any{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			p["text"] = text
		}
		b.call("Input.dispatchKeyEvent", p, nil)
	}
}

// screenshot writes what is seen, in so many pixels.
func (b *browser) screenshot(path string, width, height int, phone bool) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}, nil)
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "optimizeForSpeed": false}, &got)
	image, err := base64.StdEncoding.DecodeString(got.Data)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, image, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if len(image) > 150<<10 {
		b.t.Errorf("%s has %d bytes", path, len(image))
	}
}

// contrasts gives the least contrast of text to what is behind it (WCAG 2.2,
// 1.4.3), and where that is.
const contrasts = `(() => {
  const rgb = text => (text.match(/[\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  let least = 99, where = '';
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || ['SCRIPT', 'STYLE', 'TITLE', 'title', 'desc'].includes(e.tagName)) continue;
    const style = getComputedStyle(e), ink = rgb(e.namespaceURI.endsWith('svg') ? style.fill : style.color).slice(0, 3);
    if (ink.length < 3) continue;
    const a = light(ink), b = light(behind(e)), c = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (c < least) { least = c; where = e.tagName + ' ' + e.textContent.trim().slice(0, 40); }
  }
  return { least, where };
})()`

// columnOf gives the cells of the column of the focused head of a table.
const columnOf = `(() => { const h = document.activeElement.closest('th'); return [...h.closest('table').tBodies[0].rows].map(r => r.cells[h.cellIndex].textContent.trim()); })()`

// TestReport opens the page of a log of 50 MB in a browser.
func TestReport(t *testing.T) {
	program := buildSSHwhy(t)
	b := newBrowser(t)
	var log bytes.Buffer
	if err := bench.Generate(&log, bench.Options{Lines: 450_000, Hosts: 20, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	const hostile = `<script>alert(1)</script><img src=x onerror=alert(2)>`
	for i := range 3000 { // often enough to be listed
		fmt.Fprintf(&log, "Nov 28 12:%02d:%02d edge05 sshd[%d]: Invalid user %s from 192.0.2.7 port 51235\n", i/60%60, i%60, 40000+i, hostile)
		fmt.Fprintf(&log, "Nov 28 12:%02d:%02d edge05 sshd[%d]: Connection closed by invalid user %s 192.0.2.7 port 51235 [preauth]\n", i/60%60, i%60, 40000+i, hostile)
	}
	dir := t.TempDir()
	path, page := filepath.Join(dir, "auth.log"), filepath.Join(dir, "page.html")
	if err := os.WriteFile(path, log.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "replay", "--lang", "en", "--year", "2026", "--tz", "UTC", "--output", "summary", "--report", page, path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("torture: the report of a log of %.0f MB | %.0f kB", float64(log.Len())/1e6, float64(len(text))/1e3)
	if len(text) > 2<<20 {
		t.Errorf("the page has %d bytes", len(text))
	}
	b.open(page)

	var charts, marks, alien int
	b.evaluate(`document.querySelectorAll('svg').length`, &charts)
	b.evaluate(`document.querySelectorAll('svg rect, svg path').length`, &marks)
	b.evaluate(`document.querySelectorAll('img, iframe, object, link, script[src]').length`, &alien)
	var named bool
	b.evaluate(`[...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-label') || s.querySelector('title'))`, &named)
	if charts == 0 || marks == 0 || alien != 0 || !named {
		t.Errorf("%d charts with %d marks, text alternatives: %v; %d strange elements", charts, marks, named, alien)
	}
	var shown bool
	b.evaluate(fmt.Sprintf(`document.body.innerText.includes(%q)`, hostile), &shown)
	if !shown {
		t.Error("the hostile name is not shown as text")
	}

	for _, scheme := range []string{"light", "dark"} {
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
		var c struct {
			Least float64
			Where string
		}
		b.evaluate(contrasts, &c)
		t.Logf("torture: the report's least contrast, %s | %.2f : 1 (%s)", scheme, c.Least, c.Where)
		if c.Least < 4.5 {
			t.Errorf("%s: contrast %.2f at %s", scheme, c.Least, c.Where)
		}
		b.screenshot("../docs/images/report-"+scheme+".png", 1000, 900, false)
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "light"}}}, nil)
	b.screenshot("../docs/images/report-phone.png", 390, 780, true)
	var wide bool
	b.evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide)
	if wide {
		t.Error("on a phone the page is wider than the screen")
	}

	sortByKeyboard(t, b)
	b.quiet()
}

// sortByKeyboard goes to a head of a table with Tab and presses Enter.
func sortByKeyboard(t *testing.T, b *browser) {
	t.Helper()
	var ok bool
	b.evaluate(`(() => { const a = [...document.querySelectorAll('nav a')].at(-1); a.focus(); return document.activeElement === a; })()`, &ok)
	for range 200 {
		b.key("Tab", 9, "")
		b.evaluate(`(() => { const h = document.activeElement.closest('th'); return !!h && h.classList.contains('n') && h.closest('table').tBodies[0].rows.length > 3; })()`, &ok)
		if ok {
			break
		}
	}
	if !ok {
		t.Fatal("Tab leads to no head of a table")
	}
	orders := map[string]bool{}
	var states []string
	for range 2 {
		b.key("Enter", 13, "\r")
		var column []string
		b.evaluate(columnOf, &column)
		orders[strings.Join(column, "|")] = true
		var state string
		b.evaluate(`document.activeElement.closest('th').getAttribute('aria-sort')`, &state)
		states = append(states, state)
		numbers := make([]float64, len(column))
		for i, c := range column {
			_, _ = fmt.Sscan(strings.TrimPrefix(c, "~"), &numbers[i])
		}
		if state == "descending" {
			slices.Reverse(numbers)
		}
		if !slices.IsSorted(numbers) {
			t.Errorf("%s, and not in order: %v", state, column)
		}
	}
	if !slices.Equal(states, []string{"descending", "ascending"}) || len(orders) != 2 {
		t.Errorf("Enter twice: %v, %d orders", states, len(orders))
	}
}

// quiet checks that the page complained of nothing and asked nobody.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		switch e.Method {
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
			b.t.Errorf("%s: %s", e.Method, e.Params)
		case "Network.requestWillBeSent":
			var r struct{ Request struct{ URL string } }
			if err := json.Unmarshal(e.Params, &r); err != nil || !strings.HasPrefix(r.Request.URL, "file://") {
				b.t.Errorf("the page asks for %s", r.Request.URL)
			}
		}
	}
}
