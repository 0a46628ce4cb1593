package planner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Choices are what the two systems offer to choose from, as facts told up to a position: their people, and the options
// of their properties. What a pull tells counts from its end on, all at once; what a person declares, and a look at a
// schema, at once. They are read from the streams of ChoiceStreams, so they follow from the log and a position alone.
// The zero value knows nothing.
type Choices struct {
	told  map[choice]told
	fresh []told // by a pull that has not ended
	// options are HubSpot's, by property, as a look at its schema told them at optionsAt.
	options   map[string][]domain.Option
	optionsAt int64

	env     *settings.Env // of the settings of this version; nil: to be made
	version int
}

type choice struct {
	system  domain.System
	catalog domain.Catalog
	id      string
}

type told struct {
	domain.CatalogFact
	position int64
}

// ChoiceStreams are the streams of the catalogs whose entries values are read through.
var ChoiceStreams = []string{
	domain.CatalogStream(domain.HubSpot, domain.Owners), domain.CatalogStream(domain.Aloware, domain.Users),
	domain.CatalogStream(domain.HubSpot, domain.LeadStatuses), domain.CatalogStream(domain.HubSpot, domain.LifecycleStages),
	domain.CatalogStream(domain.Aloware, domain.ContactDispositions),
}

// optionsOf says which property the entries of a catalog are the options of.
var optionsOf = map[domain.Catalog]string{
	domain.LeadStatuses: settings.LeadStatus, domain.LifecycleStages: settings.LifecycleStage,
	domain.ContactDispositions: settings.DispositionProperty,
}

// Take notes a fact of one of the streams, or a schema, as told by an input up to the position that counts; what came
// later waits for its pull to end. An input that cannot be read tells nothing.
func (c *Choices) Take(in Input, counted int64) {
	if in.Type == domain.SchemaObserved {
		var s domain.Schema
		if json.Unmarshal(in.Data, &s) == nil {
			c.schema(in, s)
		}
		return
	}
	f, err := choiceFact(in)
	if err != nil {
		return
	}
	if in.Position > counted {
		c.fresh = append(c.fresh, told{f, in.Position})
		return
	}
	c.put(told{f, in.Position})
}

func choiceFact(in Input) (f domain.CatalogFact, err error) {
	if err = json.Unmarshal(in.Data, &f); err != nil {
		err = fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	return f, err
}

// settle makes count what was told.
func (c *Choices) settle() {
	if c == nil {
		return
	}
	for _, t := range c.fresh {
		c.put(t)
	}
	c.fresh, c.env = nil, nil
}

func (c *Choices) put(t told) {
	if c.told == nil {
		c.told = map[choice]told{}
	}
	c.told[choice{t.System, t.Catalog, t.ID}] = t
}

func (c *Choices) schema(in Input, s domain.Schema) {
	if c == nil || s.System != domain.HubSpot || len(s.Properties) == 0 {
		return
	}
	c.options, c.optionsAt, c.env = map[string][]domain.Option{}, in.Position, nil
	for _, p := range s.Properties {
		if len(p.Options) > 0 {
			c.options[p.Name] = p.Options
		}
	}
}

// Lists are the choices that count.
func (c *Choices) Lists() settings.Lists {
	l := settings.Lists{
		Options: map[domain.System]map[string][]domain.Option{domain.HubSpot: {}, domain.Aloware: {}},
		People:  map[domain.System][]settings.Person{}, Declared: map[string]map[string]string{},
	}
	if c == nil {
		return l
	}
	maps.Copy(l.Options[domain.HubSpot], c.options)
	for _, t := range c.ordered() {
		switch property, optional := optionsOf[t.Catalog]; {
		case optional:
			c.option(l, property, t)
		case !t.Gone && !t.Entry.Hidden:
			l.People[t.System] = append(l.People[t.System], settings.Person{
				ID: t.ID, Email: t.Entry.Email, Name: t.Entry.Label,
			})
		}
	}
	return l
}

// ordered lists what counts by system, catalog and id; ids are numbers where they are people's.
func (c *Choices) ordered() []told {
	return slices.SortedFunc(maps.Values(c.told), func(a, b told) int {
		return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Catalog, b.Catalog),
			cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
}

// option adds an option, or replaces what an earlier look at the schema said of it. What a person declared it to stand
// for in HubSpot goes before its label.
func (c *Choices) option(l settings.Lists, property string, t told) {
	if t.System == domain.HubSpot && t.position < c.optionsAt {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(l.Options[t.System][property]), func(o domain.Option) bool { return o.Value == t.ID })
	if !t.Gone {
		kept = append(kept, domain.Option{Value: t.ID, Label: t.Entry.Label})
	}
	l.Options[t.System][property] = kept
	if t.System == domain.Aloware && !t.Gone && t.Entry.HubSpot != "" {
		if l.Declared[property] == nil {
			l.Declared[property] = map[string]string{}
		}
		l.Declared[property][t.ID] = t.Entry.HubSpot
	}
}

// envOf is the environment of settings with the choices that count. It is kept for the settings' version.
func (c *Choices) envOf(s settings.Settings) settings.Env {
	if c == nil {
		return s.Env()
	}
	if c.env == nil || c.version != s.Version {
		env := s.EnvWith(c.Lists())
		c.env, c.version = &env, s.Version
	}
	return *c.env
}

// Know gives the view the choices values are read through; folding goes on in them.
func (v *View) Know(c *Choices) { v.choices, v.cached = c, nil }

// forget has the environment made anew for other settings, whatever their version.
func (c *Choices) forget() {
	if c != nil {
		c.env = nil
	}
}

// Env is what values of settings are read through, with the choices the view knows.
func (v *View) Env(s settings.Settings) settings.Env { return s.EnvWith(v.choices.Lists()) }

// env is what values are read through.
func (v *View) env() settings.Env {
	if v.cached == nil {
		env := v.choices.envOf(v.Control.Settings)
		v.cached = &env
	}
	return *v.cached
}

// foldCatalog takes an entry of a catalog that values are read through. The end of the pull makes it count.
func (v *View) foldCatalog(in Input) (Effect, error) {
	if !slices.Contains(ChoiceStreams, in.Stream) {
		return Effect{}, nil
	}
	f, err := choiceFact(in)
	if err != nil {
		return Effect{}, err
	}
	if v.Control.Opening == in.Position {
		return v.opened(in, false), nil // its dirty contacts are being planned
	}
	if v.choices != nil {
		v.choices.fresh = append(v.choices.fresh, told{f, in.Position})
	}
	if f.Via == domain.ViaDeclared {
		return v.choose(in), nil
	}
	v.Control.Untold, v.control = true, true
	return Effect{}, nil
}

// foldPulled is the end of an operation: of a pull, what it told counts.
func (v *View) foldPulled(in Input, a domain.Act) Effect {
	switch {
	case v.Control.Opening == in.Position:
		return v.opened(in, false)
	case !v.Control.Untold || !strings.HasPrefix(a.Name, domain.PullOperation):
		return Effect{}
	}
	return v.choose(in)
}

// choose makes count what was told of choices. What waits for them is planned again.
func (v *View) choose(in Input) Effect {
	v.choices.settle()
	v.Control.ChoicesAt, v.Control.Untold, v.control, v.cached = in.Position, false, true, nil
	if !v.Control.Settings.Listed() {
		return Effect{}
	}
	v.Control.Refit = in.Position
	return v.opened(in, v.Control.Baseline) // before that, dirty is who waits for the scan to end
}
