package httpapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

// Verdict is what a person decides about a contact.
type Verdict struct {
	Contact ulid.ULID
	Verdict string // one of domain's Verdict constants
	Field   string
	From    domain.System
	Others  []domain.Record // same: the record it is; separate: those it is not, none for all in question
}

// Review is one thing that waits for a person.
type Review struct {
	Contact  string   `json:"contact"`
	Name     string   `json:"name" doc:"How to type it: hubspot:512"`
	Kind     string   `json:"kind" enum:"match,conflict,consent,phone,guard" doc:"What is to be decided"`
	Field    string   `json:"field,omitempty" doc:"Absent when it is about the contact as such"`
	Reason   string   `json:"reason"`
	Others   []string `json:"others,omitempty" doc:"Records it may be, or that stand in its way"`
	Position int64    `json:"position" doc:"Of the decision that left it so"`
}

// What a person is asked.
const (
	ReviewMatch    = "match"    // who it is
	ReviewConflict = "conflict" // whose value of a field counts
	ReviewConsent  = "consent"  // whether a stop is lifted
	ReviewPhone    = "phone"    // Aloware's API cannot change it: by hand
	ReviewGuard    = "guard"    // whether an unusual change, or a deletion, is meant
)

func kindOf(field, reason string) string {
	switch {
	case strings.Contains(reason, "guard: "):
		return ReviewGuard
	case field == "":
		return ReviewMatch
	case strings.Contains(reason, "impossible"):
		return ReviewPhone
	case strings.Contains(reason, "consent"):
		return ReviewConsent
	}
	return ReviewConflict
}

// ReviewsOf lists what waits for a person about a contact.
func ReviewsOf(c contacts.Contact) []Review {
	var all []Review
	if c.Status == contacts.Held && c.Reason != "" {
		all = append(all, Review{
			Contact: c.ID.String(), Name: nameOf(c), Kind: kindOf("", c.Reason), Reason: c.Reason, Others: c.Others, Position: c.Position,
		})
	}
	for _, f := range c.Fields {
		if f.State == contacts.Held {
			all = append(all, Review{
				Contact: c.ID.String(), Name: nameOf(c), Kind: kindOf(f.Field, f.Reason), Field: f.Field, Reason: f.Reason, Position: f.Position,
			})
		}
	}
	return all
}

// nameOf names a contact by one of its records.
func nameOf(c contacts.Contact) string {
	for _, r := range c.Records {
		if r.State != "merged" {
			return string(r.System) + ":" + r.ID
		}
	}
	return c.ID.String()
}

// ReviewPage is a page of what waits for a person.
type ReviewPage struct {
	// Guard is a guard that paused the sync: a person who resumes says that what it held is meant.
	Guard   *Guarded `json:"guard,omitempty"`
	Reviews []Review `json:"reviews"`
	Next    string   `json:"next,omitempty" doc:"Send as after for the next page; absent at the end"`
}

type listReviewInput struct {
	Connection string `path:"connection" maxLength:"100"`
	After      string `query:"after" maxLength:"26" doc:"The next of the page before"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Contacts looked at"`
}

type verdictInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID" example:"hubspot:512"`
	Body       struct {
		Verdict string   `json:"verdict" enum:"same,separate,take,leave,exclude,include,read"`
		Field   string   `json:"field,omitempty" maxLength:"100" doc:"take, leave: which field"`
		From    string   `json:"from,omitempty" enum:"aloware,hubspot" doc:"take: whose value counts"`
		Records []string `json:"records,omitempty" maxItems:"20" doc:"same, separate: the other records"`
		Reason  string   `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

func (a *api) registerReview() {
	const at = "/v1/connections/{connection}"
	register(a, get("list-review", at+"/review", "What waits for a person", "review"), ReadContacts, a.listReview)
	register(a, get("list-duplicates", at+"/duplicates", "Contacts that may be, or were, one person twice", "review"),
		ReadContacts, a.listDuplicates)
	register(a, act("decide", at+"/contacts/{id}/verdict", "Say what a person decided about a contact",
		"It binds for ever: same and separate outlive whatever is told later. take and leave are for a field that waits."),
		SettleContacts, a.decide)
}

func (a *api) listReview(ctx context.Context, in *listReviewInput) (*body[ReviewPage], error) {
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	filter := contacts.Filter{Status: contacts.Held, Limit: in.Limit}
	if in.After != "" {
		if filter.After, err = ulid.ParseStrict(in.After); err != nil {
			return nil, fmt.Errorf("%w: after is the next of the page before", ErrBadInput)
		}
	}
	list, err := conn.Contacts.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	page := ReviewPage{Reviews: []Review{}}
	for _, c := range list {
		page.Reviews = append(page.Reviews, ReviewsOf(c)...)
	}
	if conn.Status != nil && in.After == "" {
		s, err := conn.Status(ctx)
		if err != nil {
			return nil, err
		}
		page.Guard = s.Guard
	}
	if len(list) == in.Limit {
		page.Next = list[len(list)-1].ID.String()
	}
	return &body[ReviewPage]{page}, nil
}

func (a *api) decide(ctx context.Context, in *verdictInput) (*body[Done], error) {
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	id, err := contactID(ctx, conn.Contacts, in.ID)
	if err != nil {
		return nil, err
	}
	v := Verdict{Contact: id, Verdict: in.Body.Verdict, Field: in.Body.Field, From: domain.System(in.Body.From)}
	for _, text := range in.Body.Records {
		r, err := domain.ParseRecord(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no record: want hubspot:ID or aloware:ID", ErrBadInput, text)
		}
		v.Others = append(v.Others, r)
	}
	return a.perform(ctx, in.Connection, in.Body.Reason, func(acts Acts, by By) (Done, error) {
		return acts.Decide(ctx, v, by)
	})
}
