package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// What kind of difference there is: of a decision in both, the first of these that differs.
const (
	Commands = "commands" // what is to be sent
	Fields   = "fields"   // what became of a field
	Links    = "links"    // which records belong together
	Whole    = "contact"  // what became of the contact as such
	State    = "state"    // anything else a decision holds
	Missing  = "missing"  // a recorded decision is not made any more
	Added    = "added"    // a decision is made that was not recorded
)

// Difference is between a recorded decision and what is decided now. It holds no personal value.
type Difference struct {
	Position int64     `json:"position,omitempty"` // of the recorded decision, 0 for none
	Input    int64     `json:"input"`
	Trigger  string    `json:"trigger"` // the input's event type
	Contact  ulid.ULID `json:"contact"`
	Kind     string    `json:"kind"`
	// What differs first: a field, a command, a part of the decision.
	What     string `json:"what"`
	Recorded string `json:"recorded"`
	Now      string `json:"now"`
	Rule     string `json:"rule,omitempty"` // by which it is decided so now, or was
	// From and To are the versions of the planner, then and now. Another version may decide otherwise.
	From int `json:"planner_recorded"`
	To   int `json:"planner_now"`
}

// Declared reports a difference between two versions of the planner.
func (d Difference) Declared() bool { return d.From != d.To }

func differ(was, now planner.Decision) Difference {
	d := Difference{
		Input: was.Input, Trigger: was.Trigger, Contact: was.Contact, From: was.Planner, To: planner.Version, Kind: State,
	}
	for _, look := range []func(*Difference, planner.Decision, planner.Decision) bool{
		commandsDiffer, fieldsDiffer, linksDiffer, wholeDiffers,
	} {
		if look(&d, was, now) {
			return d
		}
	}
	was.Planner, now.Planner = 0, 0
	d.What, d.Recorded, d.Now = leaf(generic(was), generic(now), "")
	return d
}

func commandsDiffer(d *Difference, was, now planner.Decision) bool {
	for i := range max(len(was.Commands), len(now.Commands)) {
		a, b := at(was.Commands, i), at(now.Commands, i)
		if reflect.DeepEqual(a, b) {
			continue
		}
		d.Kind, d.Recorded, d.Now = Commands, commandText(a), commandText(b)
		d.What = "command"
		if d.Recorded == d.Now {
			_, d.Recorded, d.Now = leaf(generic(a), generic(b), "")
		}
		if d.Rule = ruleOf(now, cmp.Or(b, a)); b == nil {
			d.Rule = cmp.Or(d.Rule, ruleOf(was, a))
		}
		return true
	}
	return false
}

// ruleOf is by which rule the first field that a command carries was decided.
func ruleOf(d planner.Decision, c *planner.Command) string {
	for _, f := range d.Fields {
		if f.Command == c.ID || f.Command.IsZero() && c.Kind == domain.KindUpdate {
			return f.Rule
		}
	}
	if d.Whole != nil {
		return d.Whole.Rule
	}
	return ""
}

func at[T any](list []T, i int) *T {
	if i < len(list) {
		return &list[i]
	}
	return nil
}

// commandText says what a command does: update in Aloware: city, first_name.
func commandText(c *planner.Command) string {
	if c == nil {
		return "none"
	}
	text := c.Kind + " in " + c.System.Title()
	if names := slices.Sorted(maps.Keys(c.Digests)); len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	return text
}

func fieldsDiffer(d *Difference, was, now planner.Decision) bool {
	a, b := byField(was), byField(now)
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, y := a[name], b[name]
		if reflect.DeepEqual(x, y) {
			continue
		}
		d.Kind, d.What, d.Rule = Fields, name, y.Rule
		d.Recorded, d.Now = resultText(x), resultText(y)
		if d.Recorded == d.Now {
			_, d.Recorded, d.Now = leaf(generic(x), generic(y), "")
		}
		return true
	}
	return false
}

func byField(d planner.Decision) map[string]planner.Verdict {
	all := map[string]planner.Verdict{}
	for _, v := range d.Fields {
		all[v.Field] = v
	}
	return all
}

func resultText(v planner.Verdict) string {
	switch {
	case v.Result == "":
		return "nothing"
	case v.Rule == "":
		return string(v.Result)
	default:
		return fmt.Sprintf("%s (%s)", v.Result, v.Rule)
	}
}

func linksDiffer(d *Difference, was, now planner.Decision) bool {
	if reflect.DeepEqual(was.Links, now.Links) && reflect.DeepEqual(was.Aliases, now.Aliases) {
		return false
	}
	d.Kind, d.What = Links, "links"
	d.Recorded, d.Now = linksText(was), linksText(now)
	if d.Recorded == d.Now {
		_, d.Recorded, d.Now = leaf(generic([]any{was.Links, was.Aliases}), generic([]any{now.Links, now.Aliases}), "")
	}
	if len(now.Links) > 0 {
		d.Rule = now.Links[0].Reason
	}
	return true
}

func linksText(d planner.Decision) string {
	var all []string
	for _, l := range d.Links {
		all = append(all, fmt.Sprintf("%s %s", l.Record, l.State))
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

func wholeDiffers(d *Difference, was, now planner.Decision) bool {
	if reflect.DeepEqual(was.Whole, now.Whole) {
		return false
	}
	d.Kind, d.What = Whole, "the contact"
	a, b := planner.Whole{}, planner.Whole{}
	if was.Whole != nil {
		a = *was.Whole
	}
	if now.Whole != nil {
		b = *now.Whole
	}
	d.Rule = b.Rule
	d.Recorded = resultText(planner.Verdict{Result: a.Result, Rule: a.Rule})
	d.Now = resultText(planner.Verdict{Result: b.Result, Rule: b.Rule})
	if d.Recorded == d.Now {
		_, d.Recorded, d.Now = leaf(generic(a), generic(b), "")
	}
	return true
}

func generic(v any) (out any) {
	data, err := json.Marshal(v)
	if err == nil {
		_ = json.Unmarshal(data, &out) // what was just written can be read
	}
	return out
}

// leaf finds the first place, by path, at which two JSON values differ.
func leaf(a, b any, path string) (where, was, now string) {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	if okX && okY {
		names := maps.Clone(x)
		maps.Copy(names, y)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if !reflect.DeepEqual(x[name], y[name]) {
				return leaf(x[name], y[name], strings.TrimPrefix(path+"."+name, "."))
			}
		}
	}
	return path, path + " " + text(a), path + " " + text(b)
}

func text(v any) string {
	if v == nil {
		return "none"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
