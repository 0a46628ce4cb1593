package report

import (
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// act is what somebody did in Duolog.
type act struct {
	at       time.Time
	position int64
	by, kind string
	domain.Act
	// version is that of new settings, and changes what they say otherwise.
	version int
	changes []settings.Change
}

func (b *book) act(e eventstore.Event) error {
	a := act{at: when(e), position: e.Position, by: e.Actor, kind: e.Type}
	switch e.Type {
	case domain.SettingsChanged:
		was, s, err := b.take(e)
		if err != nil {
			return err
		}
		a.version, a.Reason, a.changes = s.Version, s.Reason, settings.Diff(was, b.settings)
	case domain.ConnectionOpened, domain.PlanMade:
		said, _, err := opened[struct {
			Reason string `json:"reason"`
		}](e)
		if err != nil {
			return err
		}
		a.Reason = said.Reason
	default:
		var err error
		if a.Act, _, err = opened[domain.Act](e); err != nil {
			return err
		}
	}
	if a.kind == domain.DuplicateResolved {
		b.resolved.add(1, a.Verdict)
	}
	b.acts = append(b.acts, a)
	return nil
}

// of are the acts of the kinds.
func (b *book) of(kinds ...string) []act {
	var out []act
	for _, a := range b.acts {
		for _, kind := range kinds {
			if a.kind == kind {
				out = append(out, a)
			}
		}
	}
	return out
}

// about says what an act is about, in a word or two.
func (a act) about() string {
	switch {
	case a.version > 0:
		return versionWord(a.version)
	case a.Mode != "":
		return string(a.Mode)
	case a.Access != nil:
		return a.Access.What
	case a.Token != nil:
		return a.Token.Name
	case a.Guard != nil:
		return a.Guard.String()
	case a.Field != "":
		return a.Field
	case a.Contact != (ulid.ULID{}):
		return "contact " + a.Contact.String()
	case a.Name != "":
		return a.Name
	}
	return a.Verdict
}

// swept is what the sweeps of a system found.
type swept struct{ sweeps, looked, drift, failed int64 }

func (b *book) sweep(e eventstore.Event) error {
	a, _, err := opened[domain.Act](e)
	if err != nil {
		return err
	}
	for _, s := range a.Sweeps {
		t := at(b.sweeps, string(s.System))
		t.sweeps++
		t.looked += s.Looked
		t.drift += s.Drift
		t.failed += s.Failed
	}
	return nil
}
