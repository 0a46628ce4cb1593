package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Mapping holds the mapping in force against both systems.
type Mapping interface {
	// MappingReport says how the mapping stands, field by field.
	MappingReport(ctx context.Context) (MappingReport, error)
	// MappingReviewed takes note that a person looked the mapping over.
	MappingReviewed(ctx context.Context, by By) (Done, error)
}

// MappingReport is how the mapping in force stands to what both systems have now.
type MappingReport struct {
	OK       bool             `json:"ok" doc:"Nothing was found"`
	Version  int              `json:"settings" doc:"The version of the settings that was checked"`
	HubSpot  MappingSource    `json:"hubspot"`
	Fields   []MappingField   `json:"fields"`
	Faults   []settings.Fault `json:"faults" doc:"What does not fit, and shuts its field or the sync"`
	Findings []MappingFinding `json:"findings" doc:"What else somebody should look at"`
	Unmapped []MappingPerson  `json:"unmapped" doc:"People whom an owner field finds on one side only"`
	Reviewed time.Time        `json:"reviewed" doc:"When somebody looked it over last, or changed the settings"`
	Due      *time.Time       `json:"due,omitempty" doc:"When somebody should look again"`
}

// MappingSource is what the mapping was held against.
type MappingSource struct {
	Now  bool       `json:"now" doc:"HubSpot was asked just now"`
	Seen *time.Time `json:"seen,omitempty" doc:"When its properties were seen"`
	Why  string     `json:"why,omitempty" doc:"Why it was not asked now"`
}

// MappingField is a field with the laws it keeps.
type MappingField struct {
	settings.Lens
	InAloware string `json:"in_aloware" doc:"Aloware lists no properties: declared by its documentation, seen on contacts, or never seen"`
	Told      string `json:"told" doc:"Whether HubSpot's webhooks tell of its changes, as far as is known"`
}

// MappingFinding is something somebody should look at.
type MappingFinding struct {
	Field string `json:"field" doc:"Its place in the settings"`
	Found string `json:"found"`
	Fix   string `json:"fix"`
}

// MappingPerson is somebody who works in one system only, as far as an owner field knows.
type MappingPerson struct {
	Field  string        `json:"field"`
	System domain.System `json:"system"`
	settings.Person
}

func (a *api) registerMapping() {
	const at = "/v1/connections/{connection}/mapping"
	register(a, get("check-mapping", at+"/check", "How the mapping stands to both systems, field by field", "settings"),
		ReadSettings, func(ctx context.Context, in *connectionInput) (*body[MappingReport], error) {
			m, err := a.mapping(in.Connection)
			if err != nil {
				return nil, err
			}
			report, err := m.MappingReport(ctx)
			return &body[MappingReport]{report}, err
		})
	register(a, act("review-mapping", at+"/reviewed", "Take note that somebody looked the mapping over",
		"The next review is due after review_mapping_every."), ChangeSettings,
		func(ctx context.Context, in *reasonInput) (*body[Done], error) {
			m, err := a.mapping(in.Connection)
			if err != nil {
				return nil, err
			}
			if strings.TrimSpace(in.Body.Reason) == "" {
				return nil, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
			}
			done, err := m.MappingReviewed(ctx, By{Actor: identity(ctx).Actor(), Reason: in.Body.Reason})
			return &body[Done]{done}, err
		})
}

func (a *api) mapping(connection string) (Mapping, error) {
	conn, err := a.connection(connection)
	if err == nil && conn.Mapping == nil {
		err = fmt.Errorf("%w: this connection does not check its mapping here", ErrNotFound)
	}
	return conn.Mapping, err
}
