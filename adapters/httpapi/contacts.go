package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

// Contacts answers about people; *contacts.Reader does.
type Contacts interface {
	Find(ctx context.Context, text string) ([]contacts.Contact, error)
	Get(ctx context.Context, id ulid.ULID) (contacts.Contact, error)
	At(ctx context.Context, id ulid.ULID, at contacts.Moment) (contacts.Contact, error)
	PositionAt(ctx context.Context, at time.Time) (int64, error)
	List(ctx context.Context, filter contacts.Filter) ([]contacts.Contact, error)
	Counts(ctx context.Context) (map[string]int64, error)
	Causes(ctx context.Context, status string) ([]contacts.Cause, error)
	Holding(ctx context.Context, link string) ([]contacts.Contact, error)
	// Checkpoint is the position the contacts listed are of.
	Checkpoint(ctx context.Context) (int64, error)
}

type listContactsInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Status     string `query:"status" enum:"in_step,pending,apart,held,failing,excluded,unlinked"`
	Reason     string `query:"reason" maxLength:"200" doc:"Text that the reason of the contact or of a field holds"`
	After      string `query:"after" maxLength:"26" doc:"The next of the page before"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	AsOf       string `query:"as_of" maxLength:"80" doc:"head: all pages show one state, named by as_of; send that with the next"`
}

type getContactInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID" example:"hubspot:512"`
	MomentInput
}

// MomentInput asks for another moment than now.
type MomentInput struct {
	Position int64     `query:"position" minimum:"1" doc:"As it was at this position"`
	At       time.Time `query:"at" doc:"As it was recorded at this time (RFC 3339)"`
}

func (m MomentInput) moment() (contacts.Moment, error) {
	if m.Position != 0 && !m.At.IsZero() {
		return contacts.Moment{}, fmt.Errorf("%w: position and at say the same thing twice: send one", ErrBadInput)
	}
	return contacts.Moment{Position: m.Position, Time: m.At}, nil
}

type findInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Text string `json:"text" minLength:"1" maxLength:"200" doc:"An email, a phone, words of a name, or an id"`
	}
}

// body is an answer with a body and nothing else.
type body[T any] struct{ Body T }

// ContactPage is a page of contacts in id order.
type ContactPage struct {
	Contacts []contacts.Contact `json:"contacts"`
	Next     string             `json:"next,omitempty" doc:"Send as after for the next page; absent at the end"`
	Counts   map[string]int64   `json:"counts,omitempty" doc:"Of all contacts, by status"`
	Causes   []contacts.Cause   `json:"causes,omitempty" doc:"Why contacts and fields have the status asked for"`
	AsOf     string             `json:"as_of,omitempty" doc:"The checkpoint this state is of: read the feed after it"`
}

// FoundContacts are those a search leads to.
type FoundContacts struct {
	Contacts []contacts.Contact `json:"contacts"`
}

func (a *api) registerContacts() {
	const at = "/v1/connections/{connection}/contacts"
	register(a, huma.Operation{
		OperationID: "list-contacts", Method: http.MethodGet, Path: at, Tags: []string{"contacts"},
		Summary: "Contacts and how they stand",
		Description: "With `as_of=head` all pages are of one state, at the position `as_of` names, from where the feed goes " +
			"on; that is for consumers, too, with as much of values as their token grants. Otherwise it needs the right " +
			"`contacts.read`.",
	}, ReadFeed, a.listContacts)
	register(a, get("get-contact", at+"/{id}", "One contact, now or as it was", "contacts"), ReadContacts, a.getContact)
	register(a, get("contact-history", at+"/{id}/history", "What happened to a contact", "contacts"), ReadContacts,
		a.contactHistory)
	register(a, huma.Operation{
		OperationID: "find-contacts", Method: http.MethodPost, Path: at + "/find", Tags: []string{"contacts"},
		Summary:     "Contacts by email, phone or name",
		Description: "A POST, because addresses are logged along the way and no email or phone may stand in one.",
	}, ReadContacts, a.findContacts)
}

// contacts returns the connection and what answers about its contacts.
func (a *api) contacts(connection string) (Connection, error) {
	conn, err := a.connection(connection)
	if err == nil && conn.Contacts == nil {
		err = fmt.Errorf("%w: this connection has no contacts here", ErrNotFound)
	}
	return conn, err
}

func (a *api) listContacts(ctx context.Context, in *listContactsInput) (*body[ContactPage], error) {
	if role := identity(ctx).Role; in.AsOf == "" && !role.May(ReadContacts) {
		return nil, problem(http.StatusForbidden,
			fmt.Sprintf("the role %s of this token may page contacts with as_of=head, and not otherwise", role))
	}
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	if in.AsOf != "" && (in.Status != "" || in.Reason != "") {
		return nil, fmt.Errorf("%w: with as_of, contacts are listed whatever their status and reason", ErrBadInput)
	}
	position, name, err := a.state(ctx, conn, in.AsOf)
	if err != nil {
		return nil, err
	}
	filter := contacts.Filter{Status: in.Status, Reason: in.Reason, Limit: in.Limit}
	if in.After != "" {
		if filter.After, err = ulid.ParseStrict(in.After); err != nil {
			return nil, fmt.Errorf("%w: after is the next of the page before", ErrBadInput)
		}
	}
	list, err := conn.Contacts.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	if err := conn.looked(ctx, domain.AccessList); err != nil {
		return nil, err
	}
	if in.AsOf != "" {
		return asOfPage(ctx, conn, in, list, position, name)
	}
	counts, err := conn.Contacts.Counts(ctx)
	if err != nil {
		return nil, err
	}
	page := ContactPage{Contacts: some(list), Counts: counts}
	if in.Status != "" && in.After == "" {
		if page.Causes, err = conn.Contacts.Causes(ctx, in.Status); err != nil {
			return nil, err
		}
	}
	if len(list) == in.Limit {
		page.Next = list[len(list)-1].ID.String()
	}
	return &body[ContactPage]{page}, nil
}

func (a *api) getContact(ctx context.Context, in *getContactInput) (*body[contacts.Contact], error) {
	conn, id, at, err := a.asked(ctx, in.Connection, in.ID, in.MomentInput)
	if err != nil {
		return nil, err
	}
	got, err := contactAt(ctx, conn.Contacts, id, at)
	if err == nil {
		err = conn.looked(ctx, domain.AccessContact, id)
	}
	return &body[contacts.Contact]{got}, err
}

func contactAt(ctx context.Context, c Contacts, id ulid.ULID, at contacts.Moment) (contacts.Contact, error) {
	if at.Now() {
		return c.Get(ctx, id)
	}
	return c.At(ctx, id, at)
}

func (a *api) findContacts(ctx context.Context, in *findInput) (*body[FoundContacts], error) {
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	list, err := conn.Contacts.Find(ctx, in.Body.Text)
	if err == nil && len(list) > 0 {
		err = conn.looked(ctx, domain.AccessSearch, idsOf(list)...)
	}
	return &body[FoundContacts]{FoundContacts{some(list)}}, err
}

// some makes an empty list one that is written as [].
func some(list []contacts.Contact) []contacts.Contact {
	if list == nil {
		return []contacts.Contact{}
	}
	return list
}

// contactID turns what stands in a path into a contact's id. It refuses what is no id, an email or a phone above
// all, without repeating it.
func contactID(ctx context.Context, c Contacts, text string) (ulid.ULID, error) {
	if id, err := ulid.ParseStrict(text); err == nil {
		return id, nil
	}
	if _, err := domain.ParseRecord(text); err != nil {
		return ulid.ULID{}, fmt.Errorf("%w: want a contact's ULID, hubspot:ID or aloware:ID; find people by POST "+
			"…/contacts/find", ErrBadInput)
	}
	found, err := c.Find(ctx, text)
	if err != nil {
		return ulid.ULID{}, err
	}
	if len(found) != 1 {
		return ulid.ULID{}, fmt.Errorf("%w: no contact has this record", ErrNotFound)
	}
	return found[0].ID, nil
}

// get describes a GET operation.
func get(id, path, summary, tag string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{tag}}
}

// asked resolves the contact, and the moment, that a request is about.
func (a *api) asked(ctx context.Context, connection, contact string, m MomentInput) (conn Connection, id ulid.ULID, at contacts.Moment, err error) {
	if conn, err = a.contacts(connection); err != nil {
		return conn, id, at, err
	}
	if at, err = m.moment(); err != nil {
		return conn, id, at, err
	}
	id, err = contactID(ctx, conn.Contacts, contact)
	return conn, id, at, err
}
