package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Mapping holds the mapping in force against both systems.
type Mapping interface {
	// MappingReport says how the mapping stands, field by field.
	MappingReport(ctx context.Context) (MappingReport, error)
	// MappingFaults says what of settings that are not in force does not fit both systems.
	MappingFaults(ctx context.Context, s settings.Settings) ([]settings.Fault, error)
	// MappingReviewed takes note that a person looked the mapping over.
	MappingReviewed(ctx context.Context, by By) (Done, error)
	// StartFieldTest has the owner of the connection test a field, and does not wait for it; ErrConflict says why a test
	// would tell nothing. FieldTest says how far it has come.
	StartFieldTest(ctx context.Context, o TestOrder, by By) (Done, error)
	FieldTest(ctx context.Context, id string) (FieldTest, error)
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

// TestOrder asks for a test of a field's mapping.
type TestOrder struct {
	Contact ulid.ULID
	Field   string
	From    domain.System // where the value is changed; empty: HubSpot, or Aloware where the field flows from there only
}

// FieldTest is a test of a field's mapping: a value was changed in one system, followed to the other, and put back.
type FieldTest struct {
	ID      string        `json:"id"`
	Contact ulid.ULID     `json:"contact"`
	Field   string        `json:"field"`
	From    domain.System `json:"from" doc:"Where the value was changed"`
	Ended   bool          `json:"ended"`
	OK      bool          `json:"ok" doc:"It went over, and back where the field flows both ways"`
	PutBack bool          `json:"put_back" doc:"Both sides hold the old value again"`
	Reason  string        `json:"reason,omitempty" doc:"Why it did not arrive"`
	Steps   []TestStep    `json:"steps"`
}

// TestStep is one step of a value on its way.
type TestStep struct {
	Step     string        `json:"step" enum:"fact,decision,command,echo"`
	System   domain.System `json:"system,omitempty"`
	Text     string        `json:"text"`
	Position int64         `json:"position"`
	At       time.Time     `json:"at"`
	After    int64         `json:"after_ms" doc:"Milliseconds since the test began"`
}

type testInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Contact string `json:"contact" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID"`
		Field   string `json:"field" minLength:"1" maxLength:"100"`
		From    string `json:"from,omitempty" enum:"hubspot,aloware" doc:"Where the value is changed"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type testIDInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100"`
}

func (a *api) registerTests() {
	const at = "/v1/connections/{connection}/settings/test"
	register(a, act("test-field", at, "Test a field's mapping by a controlled update",
		"A value of one contact is changed in one system, followed to the other, and put back."), ChangeSettings, a.startTest)
	register(a, get("get-field-test", at+"/{id}", "How far a test has come, step by step", "settings"), ReadSettings,
		func(ctx context.Context, in *testIDInput) (*body[FieldTest], error) {
			m, err := a.mapping(in.Connection)
			if err != nil {
				return nil, err
			}
			t, err := m.FieldTest(ctx, in.ID)
			return &body[FieldTest]{t}, err
		})
}

func (a *api) startTest(ctx context.Context, in *testInput) (*body[Done], error) {
	m, err := a.mapping(in.Connection)
	if err != nil {
		return nil, err
	}
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	contact, err := contactID(ctx, conn.Contacts, in.Body.Contact)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(in.Body.Reason) == "" {
		return nil, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
	}
	done, err := m.StartFieldTest(ctx, TestOrder{Contact: contact, Field: in.Body.Field, From: domain.System(in.Body.From)},
		By{Actor: identity(ctx).Actor(), Reason: in.Body.Reason})
	return &body[Done]{done}, err
}
