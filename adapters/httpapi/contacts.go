package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// Contacts answers about people. Ids are contact ULIDs or records ("hubspot:512"); ErrNotFound when there is none.
type Contacts interface {
	List(ctx context.Context, q ContactQuery) (ContactPage, error)
	// Get returns a contact as it is, or as it was at a moment.
	Get(ctx context.Context, id string, at Moment) (Contact, error)
	// Find returns the contacts an email, a phone or a name leads to.
	Find(ctx context.Context, text string) ([]ContactSummary, error)
	History(ctx context.Context, id string, after int64, limit int) (History, error)
}

// ContactQuery narrows a list. After is the id the last page ended with.
type ContactQuery struct {
	Status string
	After  string
	Limit  int
}

// Moment is a position or a time in the log; the zero Moment is now.
type Moment struct {
	Position int64
	Time     time.Time
}

// ContactSummary is a contact in a list. It holds no personal value.
type ContactSummary struct {
	ID       string    `json:"id" doc:"ULID"`
	Status   string    `json:"status" doc:"in_step, pending, apart, held, failing, excluded or unlinked"`
	Reason   string    `json:"reason,omitempty"`
	Records  []string  `json:"records" doc:"The records that are this person, such as aloware:7 and hubspot:512"`
	Updated  time.Time `json:"updated"`
	Position int64     `json:"position" doc:"Of the last event about it"`
}

// ContactPage is a page of a list.
type ContactPage struct {
	Contacts []ContactSummary `json:"contacts"`
	Next     string           `json:"next,omitempty" doc:"Send as after for the next page; empty at the end"`
	Counts   []StatusCount    `json:"counts,omitempty" doc:"Of all contacts, by status and reason"`
	Through  int64            `json:"through" doc:"Position up to which the list is folded"`
}

// StatusCount is how many contacts stand alike.
type StatusCount struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Count  int64  `json:"count"`
}

// Contact is one person: the linked records and how each field stands.
type Contact struct {
	ContactSummary
	AliasOf string         `json:"alias_of,omitempty" doc:"The contact this id now means"`
	Members []Member       `json:"members"`
	Fields  []ContactField `json:"fields"`
	Through int64          `json:"through" doc:"Position up to which this is folded"`
}

// Member is a record of a contact.
type Member struct {
	Record     string           `json:"record"`
	State      string           `json:"state" doc:"linked, unlinked, absorbed, merged, deleted, held, excluded or suppressed"`
	Reason     string           `json:"reason,omitempty"`
	Erased     bool             `json:"erased,omitempty"`
	Properties map[string]Value `json:"properties,omitempty"`
}

// Value is what a record shows, and where that comes from.
type Value struct {
	Value    json.RawMessage `json:"value"`
	Position int64           `json:"position" doc:"Of the event that brought it"`
	At       time.Time       `json:"at" doc:"The system's clock"`
	By       string          `json:"by,omitempty"`
}

// ContactField is how a mapped field stands between the two sides.
type ContactField struct {
	Field    string `json:"field"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Position int64  `json:"position" doc:"Of the decision"`
}

// History is a contact's timeline, oldest first.
type History struct {
	Contact string         `json:"contact"`
	Entries []HistoryEntry `json:"entries"`
	Next    int64          `json:"next,omitempty" doc:"Send as after for the next page; absent at the end"`
	Through int64          `json:"through" doc:"Position up to which the history is folded"`
}

// HistoryEntry is one event in a contact's life.
type HistoryEntry struct {
	Position   int64     `json:"position"`
	At         time.Time `json:"at" doc:"When it was recorded"`
	OccurredAt time.Time `json:"occurred_at" doc:"The system's clock"`
	Type       string    `json:"type"`
	System     string    `json:"system,omitempty"`
	Record     string    `json:"record,omitempty"`
	Actor      string    `json:"actor,omitempty" doc:"Who did it, as far as the system tells"`
	Result     string    `json:"result,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Causation  int64     `json:"causation,omitempty"`
	Changes    []Change  `json:"changes,omitempty"`
	Erased     bool      `json:"erased,omitempty"`
}

// Change is one property before and after.
type Change struct {
	Field    string          `json:"field,omitempty"`
	Property string          `json:"property,omitempty"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	Result   string          `json:"result,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

type listContactsInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Status     string `query:"status" enum:"in_step,pending,apart,held,failing,excluded,unlinked"`
	After      string `query:"after" maxLength:"64" doc:"The next of the page before"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type getContactInput struct {
	Connection string    `path:"connection" maxLength:"100"`
	ID         string    `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID" example:"hubspot:512"`
	Position   int64     `query:"position" minimum:"1" doc:"As it was at this position"`
	At         time.Time `query:"at" doc:"As it was recorded at this time (RFC 3339)"`
}

type historyInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID"`
	After      int64  `query:"after" minimum:"0" doc:"Position to read after"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type findInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Text string `json:"text" minLength:"1" maxLength:"200" doc:"An email, a phone, words of a name, or an id"`
	}
}

// body is an answer with a body and nothing else.
type body[T any] struct{ Body T }

// found lists contacts.
type found struct {
	Contacts []ContactSummary `json:"contacts"`
}

func (a *api) registerContacts() {
	const at = "/v1/connections/{connection}/contacts"
	register(a, get("list-contacts", at, "Contacts and how they stand", "contacts"), ReadContacts,
		func(ctx context.Context, in *listContactsInput) (*body[ContactPage], error) {
			return withContacts(a, in.Connection, func(c Contacts) (ContactPage, error) {
				return c.List(ctx, ContactQuery{Status: in.Status, After: in.After, Limit: in.Limit})
			})
		})
	register(a, get("get-contact", at+"/{id}", "One contact, now or as it was", "contacts"), ReadContacts,
		func(ctx context.Context, in *getContactInput) (*body[Contact], error) {
			moment, err := in.moment()
			if err != nil {
				return nil, err
			}
			return withContacts(a, in.Connection, func(c Contacts) (Contact, error) { return c.Get(ctx, in.ID, moment) })
		})
	register(a, get("contact-history", at+"/{id}/history", "What happened to a contact", "contacts"), ReadContacts,
		func(ctx context.Context, in *historyInput) (*body[History], error) {
			if err := checkID(in.ID); err != nil {
				return nil, err
			}
			return withContacts(a, in.Connection, func(c Contacts) (History, error) {
				return c.History(ctx, in.ID, in.After, in.Limit)
			})
		})
	register(a, huma.Operation{
		OperationID: "find-contacts", Method: http.MethodPost, Path: at + "/find", Tags: []string{"contacts"},
		Summary:     "Contacts by email, phone or name",
		Description: "A POST, because addresses are logged along the way and no email or phone may stand in one.",
	}, ReadContacts, func(ctx context.Context, in *findInput) (*body[found], error) {
		return withContacts(a, in.Connection, func(c Contacts) (found, error) {
			list, err := c.Find(ctx, in.Body.Text)
			return found{Contacts: list}, err
		})
	})
}

// withContacts answers from the connection's contacts.
func withContacts[T any](a *api, connection string, ask func(Contacts) (T, error)) (*body[T], error) {
	conn, err := a.connection(connection)
	if err != nil {
		return nil, err
	}
	if conn.Contacts == nil {
		return nil, fmt.Errorf("%w: this connection has no contacts here", ErrNotFound)
	}
	got, err := ask(conn.Contacts)
	if err != nil {
		return nil, err
	}
	return &body[T]{Body: got}, nil
}

func (in *getContactInput) moment() (Moment, error) {
	if in.Position != 0 && !in.At.IsZero() {
		return Moment{}, fmt.Errorf("%w: position and at say the same thing twice: send one", ErrBadInput)
	}
	return Moment{Position: in.Position, Time: in.At}, checkID(in.ID)
}

// checkID refuses what is no id, an email or a phone above all, without repeating it.
func checkID(id string) error {
	if _, err := ulid.ParseStrict(id); err == nil {
		return nil
	}
	if _, err := domain.ParseRecord(id); err == nil {
		return nil
	}
	return fmt.Errorf("%w: want a contact's ULID, hubspot:ID or aloware:ID; find people by POST …/contacts/find", ErrBadInput)
}

// get describes a GET operation.
func get(id, path, summary, tag string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{tag}}
}
