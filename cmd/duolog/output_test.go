package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
)

// quiet is a cli whose streams can be read.
func quiet() (c *cli, out, problems *bytes.Buffer) {
	out, problems = &bytes.Buffer{}, &bytes.Buffer{}
	return &cli{
		in: strings.NewReader(""), out: out, err: problems, getenv: func(string) string { return "" }, connection: "default",
	}, out, problems
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
		says string
	}{
		{nil, 0, ""},
		{errPerson, 3, ""},
		{fmt.Errorf("check: %w", errPerson), 3, ""},
		{errors.New("broken"), 1, "duolog: broken\n"},
		{hint(errors.New("broken"), "mend %s", "it"), 1, "duolog: broken\n  hint: mend it\n"},
		{usage("want %d", 1), 2, "duolog: want 1\n"},
		{hint(usage("want 1"), "give it"), 2, "duolog: want 1\n  hint: give it\n"},
		{errors.Join(usage("want 1"), nil), 2, "duolog: want 1\n"},
		{fmt.Errorf("open: %w", app.ErrConfig), 2, "duolog: open: configuration\n  hint: duolog serve --help lists the configuration\n"},
		{fmt.Errorf("%w: filter", httpapi.ErrBadInput), 2, "duolog: bad input: filter\n"},
		{context.Canceled, 1, "duolog: interrupted\n"},
		{eventstore.ErrMasterKey, 1, "duolog: wrong master key\n  hint: DUOLOG_MASTER_KEY_FILE must name the key this log was made with\n"},
	} {
		c, _, problems := quiet()
		if code := c.report(tt.err); code != tt.code || problems.String() != tt.says {
			t.Errorf("%v: exit %d, said %q; want %d, %q", tt.err, code, problems, tt.code, tt.says)
		}
	}
}

// Scripts ask for the status from within the test's process, several at once.
func TestRunsAtOnce(t *testing.T) {
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			var out, problems bytes.Buffer
			none := func(string) string { return "" }
			if code := run(t.Context(), []string{"version"}, strings.NewReader(""), &out, &problems, none); code != 0 {
				t.Errorf("exit %d: %s", code, &problems)
			}
		})
	}
}

func TestVerifyExitsThreeOnFaults(t *testing.T) {
	bad := eventstore.Report{Head: 4, Events: 3, MoreFaults: 1200, Faults: []eventstore.Fault{
		{Position: 2, Kind: eventstore.FaultMissing, Detail: "no event"}, {Kind: eventstore.FaultCount, Detail: "3 of 4"},
	}}
	c, out, _ := quiet()
	if err := c.showVerify(bad); !errors.Is(err, errPerson) {
		t.Errorf("a log with faults: %v", err)
	}
	for _, want := range []string{"1,202 faults", "#2 ", "missing", "no event", "… and 1,200 more"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	c, out, _ = quiet()
	c.json = true
	if err := c.showVerify(bad); !errors.Is(err, errPerson) || !strings.Contains(out.String(), `"ok": false`) {
		t.Errorf("as json: %v\n%s", err, out)
	}
}

func TestDoctorExitsThreeOnFindings(t *testing.T) {
	c, out, _ := quiet()
	err := c.showFindings([]app.Finding{{Name: "database", OK: true}, {Name: "mapping", Detail: "gone", Fix: "mend it"}})
	if !errors.Is(err, errPerson) || !strings.Contains(out.String(), "fix: mend it") {
		t.Errorf("%v\n%s", err, out)
	}
	c, _, _ = quiet()
	if err := c.showFindings([]app.Finding{{Name: "database", OK: true}}); err != nil {
		t.Error(err)
	}
}

func TestStatusExitsThreeWhenAPersonIsNeeded(t *testing.T) {
	if personIf(true) == nil || personIf(false) != nil {
		t.Error("exit code 3 is for when a person is needed")
	}
}

func TestTablesFitTheLine(t *testing.T) {
	c, out, _ := quiet()
	table := table{head: []string{"n", "who", "why"}}
	table.add(int64(1234567), "Zoë Müller", strings.Repeat("long ", 40))
	table.add(position(42), "日本語", "short")
	table.print(c)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines {
		if runewidth.StringWidth(line) > lineWidth {
			t.Errorf("wider than %d: %q", lineWidth, line)
		}
	}
	if n := strings.Count(out.String(), "long"); n != 40 {
		t.Errorf("%d of 40 words of a long cell are shown", n)
	}
	last := lines[len(lines)-1]
	if at := strings.Index(lines[0], "why"); runewidth.StringWidth(last[:strings.Index(last, "short")]) != at {
		t.Errorf("columns do not stand under each other:\n%s", out)
	}
	if !strings.HasPrefix(lines[1], "1,234,567") || !strings.HasPrefix(last, "#42") {
		t.Errorf("numbers:\n%s", out)
	}
}

func TestCSVIsBareAndSafe(t *testing.T) {
	table := table{head: []string{"n", "at", "text"}}
	table.add(int64(1234567), position(8412), `=HYPERLINK("http://evil.example")`)
	table.add(1, position(2), "a, \"b\"")
	var out bytes.Buffer
	if err := table.csv(&out); err != nil {
		t.Fatal(err)
	}
	want := "n,at,text\n1234567,8412,\"'=HYPERLINK(\"\"http://evil.example\"\")\"\n1,2,\"a, \"\"b\"\"\"\n"
	if out.String() != want {
		t.Errorf("%s, want\n%s", out.String(), want)
	}
}

func TestNumbersAndTimes(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -999: "-999"} {
		if got := number(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		210 * time.Millisecond: "0.21 s", 3100 * time.Millisecond: "3.1 s", 124 * time.Second: "2m4s",
	} {
		if got := tookWord(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	zone := time.FixedZone("PST", -8*3600)
	got, err := parseTime("2026-11-12 14:00", zone)
	if err != nil || !got.Equal(time.Date(2026, 11, 12, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseTime("yesterday", zone); !errors.As(err, &usageError{}) {
		t.Errorf("yesterday: %v", err)
	}
}

func TestProgressInLines(t *testing.T) {
	c, _, problems := quiet()
	m := c.meter("verify", "events")
	m.set(10, 100)
	if problems.Len() > 0 {
		t.Errorf("said at once: %s", problems)
	}
	m.said, m.began = time.Now().Add(-time.Minute), time.Now().Add(-10*time.Second)
	m.set(1500, 3000)
	m.set(1501, 3000)
	m.done()
	if got := problems.String(); got != "verify: 1,500 of 3,000 events, 150/s, 10s left\n" {
		t.Errorf("%q", got)
	}
}
