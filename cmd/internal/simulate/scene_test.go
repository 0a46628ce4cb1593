package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

var by = httpapi.By{Actor: "person"}

// fields are those mapped in every scene; edited are those people change freely.
var (
	fields = mapped("phone_number", "email", "first_name", "company_name", "city")
	edited = []string{"first_name", "company_name", "city"}
)

func mapped(names ...string) []settings.Field {
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		panic(err)
	}
	return slices.DeleteFunc(s.Fields, func(f settings.Field) bool { return !slices.Contains(names, f.Name) })
}

func fieldOf(name string) settings.Field {
	i := slices.IndexFunc(fields, func(f settings.Field) bool { return f.Name == name })
	return fields[i]
}

// policy is what a scene varies of the settings.
type policy struct {
	create, update settings.Direction
	onDelete       string
	rules          [3]settings.Rules // of the edited fields
	unmapped       [3]bool           // those of them that are not mapped
	guarded        [3]bool           // those HubSpot is looked at for before they are written there
}

func drawPolicy(r *rand.Rand) policy {
	p := policy{create: settings.Both, update: settings.Both, onDelete: settings.OnDeleteIgnore}
	if r.IntN(8) == 0 {
		p.create = settings.ToAloware
	}
	if r.IntN(8) == 0 {
		p.update = settings.ToAloware
	}
	if r.IntN(8) == 0 {
		p.onDelete = "unlink"
	}
	for i := range p.rules {
		p.rules[i] = settings.Rules{
			Direction: settings.Both, Conflict: settings.HubSpotWins, Initial: settings.HubSpotWins,
			Overwrite: settings.OverwriteAlways, Blank: settings.BlankKeep,
		}
		p.draw(r, i)
	}
	return p
}

// widen guards some fields, and gives those of a third of the scenes other rules for what happens seldom: drawn from sequences
// of their own, so that the rest is the same with and without.
func (p *policy) widen(seed uint64) {
	r := rng(seed, 10)
	for i := range p.guarded {
		p.guarded[i] = r.IntN(6) == 0
		p.fit(i)
	}
	r = rng(seed, 9)
	if r.IntN(3) > 0 {
		return
	}
	for i := range p.rules {
		f := &p.rules[i]
		f.Initial = []settings.Winner{settings.HubSpotWins, settings.AlowareWins, settings.NewestWins, settings.FillBlanks}[r.IntN(4)]
		f.Overwrite = []settings.Overwrite{settings.OverwriteAlways, settings.OverwriteAlways, settings.OverwriteIfBlank}[r.IntN(3)]
		f.Blank = []settings.Blank{settings.BlankKeep, settings.BlankSend}[r.IntN(2)]
		p.fit(i)
	}
}

// draw gives one field other rules.
func (p *policy) draw(r *rand.Rand, i int) {
	f := &p.rules[i]
	f.Direction = settings.Both
	if r.IntN(8) == 0 {
		f.Direction = []settings.Direction{settings.ToAloware, settings.ToHubSpot}[r.IntN(2)]
	}
	f.Conflict = []settings.Winner{
		settings.HubSpotWins, settings.HubSpotWins, settings.AlowareWins, settings.NewestWins,
	}[r.IntN(4)]
	p.fit(i)
}

// fit lets Aloware win, and HubSpot be looked at, only where values may flow to HubSpot.
func (p *policy) fit(i int) {
	f := &p.rules[i]
	if both, ok := f.Direction.And(p.update); ok && both.Allows(domain.HubSpot) {
		return
	}
	p.guarded[i] = false
	for _, w := range []*settings.Winner{&f.Conflict, &f.Initial} {
		if *w == settings.AlowareWins {
			*w = settings.HubSpotWins
		}
	}
}

// Settings are the policy in full.
func (p policy) Settings() settings.Settings {
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		panic(err)
	}
	s.Limits.AlowarePerSecond, s.Limits.HubSpotShare = 1000, 100
	s.Contacts.Create, s.Contacts.Update, s.Contacts.OnDelete = p.create, p.update, p.onDelete
	s.Fields = slices.Clone(fields)
	for i, name := range edited {
		f := slices.IndexFunc(s.Fields, func(f settings.Field) bool { return f.Name == name })
		s.Fields[f].Rules, s.Fields[f].Guard = p.rules[i], p.guarded[i]
	}
	s.Fields = slices.DeleteFunc(s.Fields, func(f settings.Field) bool {
		i := slices.Index(edited, f.Name)
		return i >= 0 && p.unmapped[i]
	})
	return s
}

func (p policy) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "create %s, update %s, on delete %s", p.create, p.update, p.onDelete)
	for i, name := range edited {
		f := p.rules[i]
		fmt.Fprintf(&b, "; %s %s, conflict %s, initial %s, overwrite %s, blank %s",
			name, f.Direction, f.Conflict, f.Initial, f.Overwrite, f.Blank)
		if p.guarded[i] {
			b.WriteString(", guard")
		}
		if p.unmapped[i] {
			b.WriteString(", unmapped")
		}
	}
	return b.String()
}

// scene is a world and what happens in it: everything a run depends on.
type scene struct {
	seed     uint64
	settings policy
	steps    []step
	proving  bool
}

func (s scene) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s\n", s.seed, s.settings)
	for _, st := range s.steps {
		fmt.Fprintf(&b, "  %s\n", st)
	}
	return b.String()
}

// step is one thing that happens, and how many moves are made after it. Whom it concerns is counted among those there
// are then, so that it keeps a meaning when steps before it are left out.
type step struct {
	n     int // its number as drawn; what people type holds it
	kind  kind
	a, b  int
	moves int
	seed  uint64 // of the moves
}

func (s step) String() string {
	return fmt.Sprintf("%3d %s %d %d, %d moves", s.n, s.kind, s.a, s.b, s.moves)
}

// kind is what happens in a step.
type kind string

// weights say how often each kind of step is drawn.
var weights = []struct {
	kind   kind
	weight int
	do     func(w *world, st step)
}{
	{"moves", 14, func(*world, step) {}},
	{"edit in HubSpot", 22, func(w *world, st step) { w.edit(domain.HubSpot, st) }},
	{"edit in Aloware", 22, func(w *world, st step) { w.edit(domain.Aloware, st) }},
	{"create in HubSpot", 3, func(w *world, st step) { w.create(domain.HubSpot, st) }},
	{"create in Aloware", 3, func(w *world, st step) { w.create(domain.Aloware, st) }},
	{"number moves in Aloware", 3, func(w *world, st step) { w.move(domain.Aloware, st) }},
	{"number moves in HubSpot", 1, func(w *world, st step) { w.move(domain.HubSpot, st) }},
	{"merge in HubSpot", 2, (*world).merge},
	{"delete in HubSpot", 2, (*world).remove},
	{"delete in Aloware", 1, (*world).removeAloware},
	{"restore in HubSpot", 1, (*world).restore},
	{"call in Aloware", 2, (*world).call},
	{"deliver again", 6, (*world).redeliver},
	{"webhook lost", 3, (*world).drop},
	{"fault in HubSpot", 8, func(w *world, st step) { w.fault(domain.HubSpot, st) }},
	{"fault in Aloware", 10, func(w *world, st step) { w.fault(domain.Aloware, st) }},
	{"time passes", 8, (*world).pass},
	{"pause", 3, (*world).pause},
	{"resume", 4, (*world).resume},
	{"mode", 2, (*world).mode},
	{"settings", 3, (*world).change},
	{"kill the owner", 4, (*world).crash},
	{"freeze the owner", 3, (*world).freeze},
	{"thaw", 4, (*world).thaw},
	{"stop the owner", 1, (*world).leave},
	{"reconcile", 1, (*world).reconcile},
	{"settle", 6, func(w *world, _ step) { w.settle() }},
	// At the end of some scenes, never drawn by weight.
	{"crossed", 0, (*world).crossed},
	{"stop behind a commit", 0, (*world).halt},
	{"frozen with a write in hand", 0, (*world).inHand},
	{"taken over", 0, (*world).takenOver},
	{"observe with a write waiting", 0, (*world).observed},
	{"nothing waits", 0, (*world).unwritten},
	{"slower than its deadline", 0, (*world).slow},
	{"typed while nothing leaves", 0, (*world).backlog},
	{"answers show nothing", 0, (*world).unshown},
	{"killed before the answer", 0, (*world).unanswered},
	// In histories that are to be proved.
	{"erase", 0, (*world).erase},
	{"let in again", 0, (*world).lift},
	{"declare a status", 0, (*world).declare},
	{"look", 0, (*world).look},
}

// draw makes the scene of a seed.
func draw(seed uint64) scene {
	r := rng(seed, 1)
	s := scene{seed: seed, settings: drawPolicy(r)}
	s.settings.widen(seed)
	total := 0
	for _, k := range weights {
		total += k.weight
	}
	add := func(k kind, moves int) {
		s.steps = append(s.steps, step{
			n: len(s.steps) + 1, kind: k, a: r.IntN(64), b: r.IntN(64), moves: moves, seed: r.Uint64(),
		})
	}
	for range 1 + r.IntN(3) {
		k := kind("create in HubSpot")
		if r.IntN(2) == 0 {
			k = "create in Aloware"
		}
		add(k, r.IntN(8))
	}
	if r.IntN(4) > 0 {
		add("settle", 0)
	}
	for range 8 + r.IntN(24) {
		at := r.IntN(total)
		for _, k := range weights {
			if at -= k.weight; at < 0 {
				add(k.kind, drawMoves(r))
				break
			}
		}
	}
	s.steps = append(s.steps, drawEnd(seed, len(s.steps))...)
	return s
}

// drawMoves: often none, so that things happen at once, sometimes many.
func drawMoves(r *rand.Rand) int {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return r.IntN(4)
	case 2:
		return r.IntN(12)
	}
	return r.IntN(40)
}

// step does one and makes its moves.
func (w *world) step(st step) {
	w.note("--- %s", st)
	w.sleep(timeOf(st))
	for _, k := range weights {
		if k.kind == st.kind {
			k.do(w, st)
		}
	}
	w.rest()
	r := rng(st.seed, 2)
	for range st.moves {
		w.moveOn(r)
		w.check()
	}
}

// check ends the run when something was found outside the driver.
func (w *world) check() {
	if w.failed != nil {
		panic(stop{})
	}
}
