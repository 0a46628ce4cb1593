package replay

import (
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// tellsOnCreate is the first version of the planner that tells, by digests, what contacts.on_create writes.
const tellsOnCreate = 8

// onCreate are the values written with a new contact by the settings recorded, and by those decided under now.
type onCreate struct{ then, now settings.OnCreate }

// asTold is a decision as a planner that told less would have recorded it beside those it did record.
func (o onCreate) asTold(was []planner.Decision, now planner.Decision) planner.Decision {
	if !toldLess(was) {
		return now
	}
	now.Commands = slices.Clone(now.Commands)
	for i, c := range now.Commands {
		now.Commands[i] = o.command(was, c)
	}
	return now
}

func toldLess(was []planner.Decision) bool {
	return slices.ContainsFunc(was, func(d planner.Decision) bool { return d.Planner < tellsOnCreate })
}

// command leaves out of a create what was not told of the recorded one and was written by the same rule.
func (o onCreate) command(was []planner.Decision, c planner.Command) planner.Command {
	if c.Kind != domain.KindCreate {
		return c
	}
	then, now := o.then.Values(c.System), o.now.Values(c.System)
	digests := maps.Clone(c.Digests)
	maps.DeleteFunc(digests, func(property, _ string) bool {
		value, ruled := now[property]
		before, stood := then[property]
		return ruled && stood && value == before && !tellsOf(was, c, property)
	})
	c.Digests = digests
	return c
}

// tellsOf reports whether a create like it told of the property.
func tellsOf(was []planner.Decision, create planner.Command, property string) bool {
	return slices.ContainsFunc(was, func(d planner.Decision) bool {
		return slices.ContainsFunc(d.Commands, func(c planner.Command) bool {
			_, ok := c.Digests[property]
			return ok && c.Kind == create.Kind && c.System == create.System && c.Source == create.Source
		})
	})
}
