package httpapi

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// Card is what somebody who is about to talk to a person wants to see at a glance.
type Card struct {
	Contact   ulid.ULID      `json:"contact"`
	Status    string         `json:"status"`
	Name      string         `json:"name,omitempty"`
	Company   string         `json:"company,omitempty"`
	Emails    []string       `json:"emails,omitempty"`
	Phones    []string       `json:"phones,omitempty" doc:"E.164"`
	Lifecycle *domain.Choice `json:"lifecycle_stage,omitempty"`
	Lead      *domain.Choice `json:"lead_status,omitempty"`
	Owner     *Owner         `json:"owner,omitempty" doc:"In HubSpot"`
	User      *Owner         `json:"user,omitempty" doc:"Whose the contact is in Aloware"`
	// Records are both systems', Aloware first, with where they are looked at.
	Records []CardRecord `json:"records"`
	Deals   []NamedDeal  `json:"deals"`
	// Duplicates are other contacts with one of the numbers.
	Duplicates []CardDuplicate `json:"duplicates"`
	Erased     bool            `json:"erased,omitempty"`
}

// Owner is a person who works in a system.
type Owner struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Gone  bool   `json:"gone,omitempty" doc:"Not listed any more, or deleted"`
}

// CardRecord is a record and where it is looked at.
type CardRecord struct {
	System string `json:"system"`
	ID     string `json:"id"`
	State  string `json:"state"`
	URL    string `json:"url"`
}

// CardDuplicate is another contact with the same number.
type CardDuplicate struct {
	Contact ulid.ULID    `json:"contact"`
	Name    string       `json:"name,omitempty"`
	Phone   string       `json:"phone" doc:"The number both have, E.164"`
	Records []CardRecord `json:"records"`
}

type cardInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID"`
}

func (a *api) registerCard() {
	const at = "/v1/connections/{connection}/contacts/{id}/card"
	register(a, get("contact-card", at, "Who it is, whose it is, deals, duplicates by number, links", "contacts"), ReadContacts,
		a.contactCard)
}

func (a *api) contactCard(ctx context.Context, in *cardInput) (*body[Card], error) {
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	if conn.Card == nil {
		return nil, fmt.Errorf("%w: this connection has no cards here", ErrNotFound)
	}
	id, err := contactID(ctx, conn.Contacts, in.ID)
	if err != nil {
		return nil, err
	}
	card, err := conn.Card(ctx, id)
	if err == nil {
		err = conn.looked(ctx, domain.AccessCard, id)
	}
	return &body[Card]{card}, err
}
