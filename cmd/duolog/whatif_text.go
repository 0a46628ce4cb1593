package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// whatifText tells a forecast to people.
type whatifText struct {
	*cli
	replay.Forecast
	now   app.SettingsVersion
	other settings.Settings
	lrn   httpapi.LRN
	heads []string // of the columns; nil: those of a what-if
}

func micros(at int64, s settings.Settings) string {
	return time.UnixMicro(at).In(s.Env().Zone).Format(bothLayout)
}

func (t whatifText) show(ctx context.Context, a *app.App, o other) error {
	changes := settings.Diff(t.now.Settings, t.other)
	if t.json {
		return t.printJSON(struct {
			Same bool `json:"same"`
			replay.Forecast
			Changes []settings.Change `json:"settings"`
			LRN     httpapi.LRN       `json:"lrn"`
		}{t.Same(), t.Forecast, some(changes), t.lrn})
	}
	t.printf("%s\n", rightAt(t.title(changes), t.versions(o)))
	span, err := t.span(ctx, a)
	if err != nil {
		return err
	}
	t.printf("%s: %s, %s.\nNothing was sent; this command cannot send.\n", span, plural(t.Inputs, "input"), plural(t.Contacts, "contact"))
	t.printf("\n%s\n", fitted("  "+t.short(), "  ", false))
	if t.Same() {
		return nil
	}
	t.numbers()
	t.rules()
	t.firsts()
	t.doubts()
	t.next(o)
	return nil
}

// next says what to do about it.
func (t whatifText) next(o other) {
	arg := cmp.Or(o.file, "--preset "+o.preset)
	if len(o.set) > 0 {
		t.printf("\nApply it: duolog settings set %s\n", strings.Join(o.set, " "))
		return
	}
	t.printf("\nApply it: duolog settings apply %s     Compare: duolog settings diff %s\n", arg, arg)
}

// title asks the question in words.
func (t whatifText) title(changes []settings.Change) string {
	switch len(changes) {
	case 0:
		return "What if the settings had been as they are?"
	case 1:
		return fmt.Sprintf("What if %s had been %s, not %s?", changes[0].Key, orDash(changes[0].Now), orDash(changes[0].Was))
	default:
		return fmt.Sprintf("What if %d settings had been others?", len(changes))
	}
}

func (t whatifText) versions(o other) string {
	return fmt.Sprintf("settings v%d → %s", t.now.Version, cmp.Or(o.file, o.preset, "--set"))
}

// span says which time was looked at.
func (t whatifText) span(ctx context.Context, a *app.App) (string, error) {
	events, err := a.Log.Get(ctx, t.From, t.To)
	if err != nil || len(events) == 0 {
		return at(t.From) + " to " + at(t.To), err
	}
	day := func(at int64) string { return time.UnixMicro(at).In(t.other.Env().Zone).Format(dateLayout) }
	from, to := day(events[0].RecordedAt), day(events[len(events)-1].RecordedAt)
	if from == to {
		return from, nil
	}
	return from + " – " + to, nil
}

// short is the answer in a sentence or two.
func (t whatifText) short() string {
	if t.Same() {
		return "Nothing would have been otherwise."
	}
	var all []string
	for _, s := range domain.Systems {
		if n := t.Created[s]; n.Differs() {
			all = append(all, fmt.Sprintf("%s would have %s%s.", s.Title(), more(n, "contact"), t.source(s)))
		}
	}
	for _, s := range domain.Systems {
		if n := t.Updated[s]; n.Differs() {
			all = append(all, fmt.Sprintf("There would have been %s to %s.", more(n, "update"), s.Title()))
		}
	}
	if t.Held.Differs() {
		all = append(all, more(t.Held, "contact")+" would wait for a person.")
	}
	if t.Twins.Differs() {
		all = append(all, "There would be "+more(t.Twins, "duplicate")+".")
	}
	if t.Guards > 0 {
		all = append(all, fmt.Sprintf("A guard would have stopped the sync %s.", plural(t.Guards, "time")))
	}
	if len(all) == 0 {
		all = append(all, fmt.Sprintf("As much would have been sent; %s would hold something else.", plural(t.Ends, "contact")))
	}
	return strings.Join(all, "  ")
}

// source says how most of those came to be who would be made in a system, or would not.
func (t whatifText) source(s domain.System) string {
	by := t.MadeBySource[s]
	if len(by) == 0 {
		return ""
	}
	most := slices.MaxFunc(slices.Sorted(maps.Keys(by)), func(a, b string) int { return cmp.Compare(by[a], by[b]) })
	return fmt.Sprintf(", %s of them: %s", number(by[most]), strings.ReplaceAll(most, "_", " "))
}

// more says by how many more or fewer.
func more(c replay.Change, noun string) string {
	n, word := c.Would-c.Was, "more"
	if n < 0 {
		n, word = -n, "fewer"
	}
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + word + " " + noun
}

func (t whatifText) numbers() {
	out := table{head: t.heads}
	if t.heads == nil {
		out.head = []string{"", "as it was", "would be", "difference"}
	}
	row := func(what string, c replay.Change) { out.add(what, c.Was, c.Would, signed(c)) }
	later := func(what string, c replay.Change) { out.add(what, c.Was, c.Would, signed(c)+t.mark(c)) }
	for _, s := range domain.Systems {
		row("created in "+s.Title(), t.Created[s])
	}
	for _, s := range domain.Systems {
		later("updates to "+s.Title(), t.Updated[s])
	}
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		for _, s := range domain.Systems {
			if n := t.Fields[name][s]; n.Differs() {
				later("  "+name+" to "+s.Title(), n)
			}
		}
	}
	row("held for a person", t.Held)
	row("duplicates made", t.Twins)
	row("duplicates prevented", t.Prevented)
	made := t.LookUps()
	out.add("LRN look-ups", lookUps(made.Was, t.lrn.WasUSD), lookUps(made.Would, t.lrn.WouldUSD), signed(made))
	out.add("contacts whose end state differs", "", "", number(t.Ends)+" of "+number(t.Contacts))
	t.printf("\n")
	out.print(t.cli)
}

// mark is put where people and workflows might have reacted otherwise.
func (t whatifText) mark(c replay.Change) string {
	if t.Later > 0 && c.Differs() {
		return " ~"
	}
	return ""
}

func lookUps(n int64, usd float64) string { return fmt.Sprintf("%s ($%.2f)", number(n), usd) }

func signed(c replay.Change) string {
	switch n := c.Would - c.Was; {
	case n == 0:
		return "–"
	case n > 0:
		return "+" + number(n)
	default:
		return "−" + number(-n)
	}
}

// rules count the first differences by the rule behind them, and by how the contacts came to be.
func (t whatifText) rules() {
	for _, part := range []struct {
		head  string
		of    map[string]int64
		words func(string) string
	}{
		{"by rule", t.ByRule, func(rule string) string { return rule }},
		{"by source", t.BySource, func(source string) string { return strings.ReplaceAll(source, "_", " ") }},
	} {
		if len(part.of) == 0 {
			continue
		}
		out := table{head: []string{part.head, "contacts begin to differ"}}
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			out.add(orDash(part.words(name)), part.of[name])
		}
		t.printf("\n")
		out.print(t.cli)
	}
}

// firstShown is how many first differences are shown; --csv has all.
const firstShown = 5

func (t whatifText) firsts() {
	if len(t.First) == 0 {
		return
	}
	t.printf("\n")
	out := table{head: []string{"first differences", "contact", "at", "what"}}
	for _, d := range t.First[:min(len(t.First), firstShown)] {
		who := d.Contact.String()
		if !d.Record.IsZero() {
			who = d.Record.String()
		}
		what := cmp.Or(d.Was, "nothing") + " → " + cmp.Or(d.Would, "nothing")
		if d.Field != "" {
			what = d.Field + ": " + what
		}
		out.add(micros(d.At, t.other), who, position(d.Input), what)
	}
	out.print(t.cli)
	if n := t.Begin - firstShown; n > 0 {
		t.printf("… %s more: --csv FILE lists them\n", number(n))
	}
}

// doubts says what cannot be known.
func (t whatifText) doubts() {
	if t.Later > 0 {
		t.printf("\n%s\n", fitted(fmt.Sprintf("~ Counterfactual: after a contact's first difference, people and workflows might have "+
			"reacted otherwise than they did.  %s, %s.", plural(t.Begin, "contact"), plural(t.Later, "later decision")), "", false))
	}
	if len(t.Unknown) == 0 {
		t.printf("\nUnknown: none.\n")
		return
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t.Unknown)) {
		all = append(all, fmt.Sprintf("%s of %s", name, plural(t.Unknown[name], "contact")))
	}
	t.printf("\n%s\n", fitted("Unknown: "+strings.Join(all, ", ")+". It was not asked for then, so there is nothing to try.", "", false))
}
