package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/contacts"
)

// moment is what a person typed for another moment than now.
type moment struct {
	at       string
	position int64
}

func (m *moment) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.at, "at", "", "as it was recorded at this time, in the connection's zone")
	cmd.Flags().Int64Var(&m.position, "position", 0, "as it was at this position of the log")
}

// read makes a moment of it.
func (m moment) read(ctx context.Context, a *app.App) (contacts.Moment, error) {
	switch {
	case m.at != "" && m.position != 0:
		return contacts.Moment{}, usage("--at and --position say the same thing twice: give one")
	case m.position < 0:
		return contacts.Moment{}, usage("--position wants a number above 0")
	case m.at == "":
		return contacts.Moment{Position: m.position}, nil
	}
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return contacts.Moment{}, err
	}
	t, err := parseTime(m.at, zone)
	return contacts.Moment{Time: t}, err
}

// notYet says since when a contact is known that was not yet at the moment.
func (m moment) notYet(ctx context.Context, a *app.App, k contacts.Contact, err error) error {
	if !errors.Is(err, contacts.ErrNotFound) {
		return err
	}
	zone, bad := zoneOf(ctx, a)
	if bad != nil {
		return bad
	}
	then := m.at
	if then == "" {
		then = at(m.position)
	}
	return hint(fmt.Errorf("at %s this contact was not known yet", then),
		"it is known since %s, %s", k.CreatedAt.In(zone).Format(bothLayout), at(firstPosition(k)))
}

// firstPosition is that of the oldest value there is now.
func firstPosition(k contacts.Contact) int64 {
	first := k.Position
	for _, r := range k.Records {
		for _, v := range r.Values {
			first = min(first, v.Position)
		}
	}
	return first
}
