package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history/explain"
)

// Explainer says why a field of a contact is as it is, or was at a moment. Live, it asks both systems.
type Explainer func(ctx context.Context, contact ulid.ULID, field string, at contacts.Moment, live bool) (explain.Answer, error)

type explainInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID"`
	Field      string `query:"field" required:"true" minLength:"1" maxLength:"100" doc:"The field's name, or a property of either system" example:"city"`
	Live       bool   `query:"live" doc:"Ask both systems what they show now, and compare"`
	MomentInput
}

func (a *api) registerExplain() {
	register(a, huma.Operation{
		OperationID: "explain-field", Method: http.MethodGet, Tags: []string{"contacts"},
		Path:    "/v1/connections/{connection}/contacts/{id}/explain",
		Summary: "Why a field is as it is, or is not as expected",
		Description: "What was heard, whether it was allowed, what was decided by which rule, what became of it, and what can " +
			"be done; also that Duolog was never told. `live` counts against both systems' limits.",
	}, ReadContacts, a.explainField)
}

func (a *api) explainField(ctx context.Context, in *explainInput) (*body[explain.Answer], error) {
	conn, id, at, err := a.asked(ctx, in.Connection, in.ID, in.MomentInput)
	if err != nil {
		return nil, err
	}
	if conn.Explain == nil {
		return nil, fmt.Errorf("%w: this connection explains nothing here", ErrNotFound)
	}
	answer, err := conn.Explain(ctx, id, in.Field, at, in.Live)
	if err == nil {
		err = conn.looked(ctx, domain.AccessContact, id)
	}
	return &body[explain.Answer]{answer}, err
}
