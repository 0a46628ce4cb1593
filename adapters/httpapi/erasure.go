package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Erasures erase people, and keep them from being erased.
type Erasures interface {
	// Erasure says what an erasure would take.
	Erasure(ctx context.Context, contact ulid.ULID, how Erasing) (Erasure, error)
	Erase(ctx context.Context, contact ulid.ULID, how Erasing, by By) (Erasure, error)
	Lift(ctx context.Context, contact ulid.ULID, by By) (Lifted, error)
	Hold(ctx context.Context, contact ulid.ULID, by By) (Done, error)
	Release(ctx context.Context, contact ulid.ULID, by By) (Done, error)
	Holds(ctx context.Context) ([]Hold, error)
}

// Erasing says how a person is erased.
type Erasing struct {
	ForgetIdentifiers bool `json:"forget_identifiers,omitempty" doc:"Keep no keyed hashes of the person's emails and numbers: under another id the person is stored again"`
}

// Erasure is what an erasure takes, or took.
type Erasure struct {
	Contact string   `json:"contact" doc:"ULID"`
	Records []string `json:"records" doc:"Whose keys are destroyed: all that mean this person, merged ones included"`
	// Commands, Raw and Parked are what else is the person's and goes with it.
	Commands int `json:"commands" doc:"Writes and reads that wait, and are withdrawn"`
	Raw      int `json:"raw" doc:"Bodies that could not be read and name the person"`
	Parked   int `json:"parked" doc:"Items of another portal that name the person"`
	// Identifiers are what stays of the person.
	Identifiers int `json:"identifiers" doc:"Emails and numbers of which keyed hashes are kept, by which the person is recognised under another id: pseudonymous data"`
	// Held says why it may not be erased; absent: it may.
	Held     string     `json:"held,omitempty" doc:"Why it is on hold"`
	DryRun   bool       `json:"dry_run,omitempty"`
	Position int64      `json:"position,omitempty" doc:"Of the act"`
	At       *time.Time `json:"at,omitempty"`
	Notes    []string   `json:"notes" doc:"What erasing here does not reach"`
	// Certificate is there once it is done.
	Certificate *Certificate `json:"certificate,omitempty"`
}

// Lifted is the end of an erasure.
type Lifted struct {
	Done
	Records []string `json:"records" doc:"Who is let in again: all that mean this person, those that joined the erasure included"`
	// Shared are let go of for the others as well.
	Shared int      `json:"shared_identifiers" doc:"Emails and numbers that were kept of somebody else who was erased, too: nobody is recognised by them any more"`
	Notes  []string `json:"notes" doc:"What that means for others"`
}

// Hold is a contact that may not be erased.
type Hold struct {
	Contact  ulid.ULID `json:"contact"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Position int64     `json:"position"`
}

// Certificate says that somebody was erased, and names nobody.
type Certificate struct {
	Connection string    `json:"connection"`
	LogID      string    `json:"log_id"`
	Generation int64     `json:"generation"`
	Position   int64     `json:"position" doc:"Of the erasure in the log"`
	At         time.Time `json:"at"`
	// Records are keyed hashes: who holds the log can tell that a record is one of them, and nobody else.
	Records []string `json:"records"`
	// Identifiers counts what stays: the person can be recognised by it, and not be read in it.
	Identifiers int `json:"identifiers" doc:"Keyed hashes of the person's emails and numbers that are kept: pseudonymous data"`
	// Head is signed, and speaks for the log with the erasure in it; Key checks it.
	Head string `json:"head"`
	Key  string `json:"key"`
}

// HoldList lists holds.
type HoldList struct {
	Holds []Hold `json:"holds"`
}

type eraseInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID" example:"hubspot:512"`
	Body       struct {
		DryRun bool   `json:"dry_run,omitempty" doc:"Only say what it would take"`
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
		Erasing
	}
}

type holdInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID" example:"hubspot:512"`
	Body       struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type holdsInput struct {
	Connection string `path:"connection" maxLength:"100"`
}

func (a *api) registerErasures() {
	const at = "/v1/connections/{connection}"
	register(a, act("erase-contact", at+"/contacts/{id}/erase", "Erase a person for good",
		"Destroys the keys of every record that means the person. The log still verifies; nobody can read what was theirs."),
		EraseContacts, a.erase)
	register(a, act("lift-erasure", at+"/contacts/{id}/lift", "Let a person who was erased in again",
		"For what comes from then on: what was erased stays so."), EraseContacts, holding(a, Erasures.Lift))
	register(a, act("hold-contact", at+"/contacts/{id}/hold", "Keep a contact from being erased", ""), EraseContacts, holding(a, Erasures.Hold))
	register(a, act("release-contact", at+"/contacts/{id}/release", "End a hold", ""), EraseContacts, holding(a, Erasures.Release))
	register(a, get("list-holds", at+"/holds", "Contacts that may not be erased", "contacts"), EraseContacts,
		func(ctx context.Context, in *holdsInput) (*body[HoldList], error) {
			conn, err := a.erasures(in.Connection)
			if err != nil {
				return nil, err
			}
			holds, err := conn.Erasures.Holds(ctx)
			return &body[HoldList]{HoldList{holds}}, err
		})
}

func (a *api) erasures(connection string) (Connection, error) {
	conn, err := a.contacts(connection)
	if err == nil && conn.Erasures == nil {
		err = fmt.Errorf("%w: nobody is erased here", ErrNotFound)
	}
	return conn, err
}

func (a *api) erase(ctx context.Context, in *eraseInput) (*body[Erasure], error) {
	conn, err := a.erasures(in.Connection)
	if err != nil {
		return nil, err
	}
	id, err := contactID(ctx, conn.Contacts, in.ID)
	if err != nil {
		return nil, err
	}
	var out Erasure
	if in.Body.DryRun {
		out, err = conn.Erasures.Erasure(ctx, id, in.Body.Erasing)
	} else {
		out, err = conn.Erasures.Erase(ctx, id, in.Body.Erasing, By{Actor: identity(ctx).Actor(), Reason: strings.TrimSpace(in.Body.Reason)})
	}
	return &body[Erasure]{out}, err
}

// holding makes the handler of an act on what keeps a person from being erased, or out.
func holding[T any](a *api, do func(Erasures, context.Context, ulid.ULID, By) (T, error)) func(context.Context, *holdInput) (*body[T], error) {
	return func(ctx context.Context, in *holdInput) (*body[T], error) {
		conn, err := a.erasures(in.Connection)
		if err != nil {
			return nil, err
		}
		id, err := contactID(ctx, conn.Contacts, in.ID)
		if err != nil {
			return nil, err
		}
		done, err := do(conn.Erasures, ctx, id, By{Actor: identity(ctx).Actor(), Reason: strings.TrimSpace(in.Body.Reason)})
		return &body[T]{done}, err
	}
}
