package replay

import (
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// differ counts what was and would have been decided on an input, and returns the commands that only the branch issued.
func (b *branch) differ(in planner.Input, was []planner.Decision, planned []planner.Planned) []planner.Outgoing {
	planned = b.asTold(was, planned)
	for _, d := range was {
		b.count(d, 1, 0)
	}
	var only []planner.Outgoing
	for _, p := range planned {
		b.merges(p.Decision)
		b.count(p.Decision, 0, 1)
		only = append(only, p.Outgoing...)
	}
	for _, d := range was {
		for _, c := range d.Commands {
			i := slices.IndexFunc(only, func(o planner.Outgoing) bool { return sameCommand(c, o.Command) })
			if i < 0 {
				b.lose(c, d)
				continue
			}
			if only[i].ID != c.ID {
				b.renamed.put(c.ID[:], slices.Concat(only[i].ID[:], only[i].Contact[:]))
			}
			only = slices.Delete(only, i, i+1)
		}
	}
	b.judge(in, was, planned)
	return only
}

// asTold are decisions of the branch with no more than what the planner that decided then told.
func (b *branch) asTold(was []planner.Decision, planned []planner.Planned) []planner.Planned {
	if !toldLess(was) {
		return planned
	}
	o := onCreate{b.recorded.Contacts.OnCreate, b.view.Control.Settings.Contacts.OnCreate}
	planned = slices.Clone(planned)
	for i, p := range planned {
		planned[i].Decision = o.asTold(was, p.Decision)
		planned[i].Outgoing = slices.Clone(p.Outgoing)
		for j, out := range p.Outgoing {
			planned[i].Outgoing[j].Command = o.command(was, out.Command)
		}
	}
	return planned
}

// sameCommand reports a command of the same kind and values, for the same records.
func sameCommand(a, b planner.Command) bool {
	return a.Kind == b.Kind && a.System == b.System && a.Record == b.Record && a.Source == b.Source &&
		a.By == b.By && a.Urgent == b.Urgent && maps.Equal(a.Digests, b.Digests)
}

// judge notes for each contact whether what becomes of it differs.
func (b *branch) judge(in planner.Input, was []planner.Decision, planned []planner.Planned) {
	if len(was) == 1 && len(planned) == 1 { // as a rule
		if id := b.now(was[0].Contact); id == b.now(planned[0].Decision.Contact) {
			b.judgePair(in, id, was[0], planned[0].Decision)
			return
		}
	}
	pairs := map[ulid.ULID]*[2]planner.Decision{}
	put := func(i int, d planner.Decision) {
		id := b.now(d.Contact)
		if pairs[id] == nil {
			pairs[id] = &[2]planner.Decision{}
		}
		of := &pairs[id][i]
		d.Commands, d.Fields = slices.Concat(of.Commands, d.Commands), slices.Concat(of.Fields, d.Fields)
		if d.Whole == nil {
			d.Whole = of.Whole
		}
		*of = d
	}
	for _, d := range was {
		put(0, d)
	}
	for _, p := range planned {
		put(1, p.Decision)
	}
	for _, id := range slices.SortedFunc(maps.Keys(pairs), ulid.ULID.Compare) {
		b.judgePair(in, id, pairs[id][0], pairs[id][1])
	}
}

func (b *branch) judgePair(in planner.Input, contact ulid.ULID, was, would planner.Decision) {
	if d, differs := diverges(was, would); differs && b.counted(contact) {
		b.note(in, contact, d)
	}
}

func (b *branch) note(in planner.Input, contact ulid.ULID, d Divergence) {
	if b.contacts[contact] {
		b.Later++
		return
	}
	b.contacts[contact] = true
	d.Input, d.At, d.Trigger, d.Contact = in.Position, in.RecordedAt, in.Type, contact
	if rec, err := domain.ParseRecord(in.Stream); err == nil {
		d.Record = rec
	}
	for _, r := range b.view.Members(contact) {
		if r.ID.System == domain.Aloware && d.Source == "" {
			d.Source = r.Source()
		}
	}
	b.begins(d)
}

// diverges compares by what matters to people: what is written, what becomes of the contact and of its fields. What is
// merely read or found in order does not.
func diverges(was, would planner.Decision) (Divergence, bool) {
	d := Divergence{}
	if alike(was, would) {
		return d, false
	}
	if d.Was, d.Would = writesText(was), writesText(would); d.Was != d.Would {
		d.Rule = writeRule(was, would)
		return d, true
	}
	if names := otherValues(was, would); len(names) > 0 {
		d.Would, d.Rule = d.Would+", another value of "+strings.Join(names, ", "), writeRule(was, would)
		return d, true
	}
	if d.Was, d.Would = matter(was.Whole), matter(would.Whole); d.Was != d.Would {
		if would.Whole != nil {
			d.Rule = would.Whole.Rule
		}
		return d, true
	}
	a, b := byField(was), byField(would)
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if d.Was, d.Would = became(a[name]), became(b[name]); d.Was != d.Would {
			d.Field, d.Rule = name, b[name].Rule
			return d, true
		}
	}
	return d, false
}

// alike reports, without putting it into words, that nothing diverges; where it cannot tell, false.
func alike(was, would planner.Decision) bool {
	if !slices.EqualFunc(was.Commands, would.Commands, alikeWrites) || matter(was.Whole) != matter(would.Whole) {
		return false
	}
	became := func(d planner.Decision, field string) string {
		for _, v := range slices.Backward(d.Fields) {
			if v.Field == field {
				return became(v)
			}
		}
		return ""
	}
	differs := func(v planner.Verdict) bool { return became(was, v.Field) != became(would, v.Field) }
	return !slices.ContainsFunc(was.Fields, differs) && !slices.ContainsFunc(would.Fields, differs)
}

func alikeWrites(a, b planner.Command) bool {
	return a.Kind == b.Kind && (!writes(a) || a.System == b.System && maps.Equal(a.Digests, b.Digests))
}

func writes(c planner.Command) bool {
	return c.Kind == domain.KindCreate || c.Kind == domain.KindUpdate
}

// otherValues names the properties of which the same writes write something else.
func otherValues(was, would planner.Decision) (names []string) {
	digests := func(d planner.Decision, name string) (all []string) {
		for _, c := range d.Commands {
			if digest, ok := c.Digests[name]; ok && writes(c) {
				all = append(all, c.Kind+" "+string(c.System)+" "+digest)
			}
		}
		slices.Sort(all)
		return all
	}
	all := map[string]string{}
	for _, c := range was.Commands {
		if writes(c) {
			maps.Copy(all, c.Digests)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Equal(digests(was, name), digests(would, name)) {
			names = append(names, name)
		}
	}
	return names
}

// writesText says what is written, and where, but no value.
func writesText(d planner.Decision) string {
	var all []string
	for _, c := range d.Commands {
		if writes(c) {
			all = append(all, commandText(&c))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// writeRule is the rule behind a write that is made or left out: the one that stops it, where there is one.
func writeRule(was, would planner.Decision) string {
	a, b := byField(was), byField(would)
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if became(a[name]) != became(b[name]) && b[name].Rule != "" {
			return b[name].Rule
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if became(a[name]) != became(b[name]) && a[name].Rule != "" {
			return a[name].Rule
		}
	}
	for _, d := range []planner.Decision{would, was} {
		if d.Whole != nil && d.Whole.Rule != "" {
			return d.Whole.Rule
		}
	}
	return ""
}

func matter(w *planner.Whole) string {
	if w == nil {
		return ""
	}
	switch w.Result {
	case planner.Reading, planner.Looking, planner.Waiting, planner.Unchanged, planner.Blocked:
		return ""
	case planner.HeldBack, planner.Parked:
		return string(w.Result) + ": " + w.Rule
	default:
		return string(w.Result)
	}
}

func became(v planner.Verdict) string {
	switch v.Result {
	case planner.Echo, planner.Unchanged, planner.Agreed, planner.Stale, planner.Waiting, "":
		return ""
	default:
		return string(v.Result)
	}
}
