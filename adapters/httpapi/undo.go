package httpapi

import (
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

const undoAbout = "Of a time, an operation, or a version of the settings: what was there before is put back where what was " +
	"written still stands. What was changed since, was unknown before or cannot be emptied is listed in the plan. The owner of " +
	"the connection makes the plan; …/operations/{id} tells when, and …/plans which. Nothing is sent before it is applied."

type undoInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		From      *time.Time `json:"from,omitempty" doc:"What was decided from here"`
		To        *time.Time `json:"to,omitempty" doc:"…to here"`
		Operation string     `json:"operation,omitempty" pattern:"^[0-9A-HJKMNP-TV-Z]{26}$" doc:"What this operation wrote"`
		Version   int        `json:"settings_version,omitempty" minimum:"1" doc:"What was decided under this version of the settings"`
		Field     string     `json:"field,omitempty" maxLength:"100" doc:"The only field that is put back"`
		Source    bool       `json:"include_source,omitempty" doc:"Put back as well what the values came from"`
		Contact   string     `json:"contact,omitempty" pattern:"^[0-9A-HJKMNP-TV-Z]{26}$" doc:"The only contact, by its id"`
		Filter    string     `json:"filter,omitempty" maxLength:"1000" doc:"Whose contacts, as in mode pilot"`
		Known     bool       `json:"known,omitempty" doc:"Plan from what is known, without reading HubSpot first"`
		Reason    string     `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

// spec is the plan that is asked for.
func (in *undoInput) spec() (spec domain.PlanSpec, err error) {
	b := in.Body
	u := &domain.Undo{Version: b.Version, Source: b.Source}
	if b.From != nil {
		u.From = b.From.UnixMicro()
	}
	if b.To != nil {
		u.To = b.To.UnixMicro()
	}
	if u.To > 0 && u.To < u.From {
		return spec, fmt.Errorf("%w: to lies before from", ErrBadInput)
	}
	spec = domain.PlanSpec{Scope: domain.Scope{Name: domain.OpUndo, Field: b.Field}, Filter: b.Filter, Known: b.Known, Undo: u}
	if u.Operation, err = optionalID("operation", b.Operation); err != nil {
		return spec, err
	}
	spec.Contact, err = optionalID("contact", b.Contact)
	return spec, err
}

func optionalID(name, text string) (id ulid.ULID, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = ulid.ParseStrict(text); err != nil {
		return id, fmt.Errorf("%w: %s: want an id of 26 letters and digits", ErrBadInput, name)
	}
	return id, nil
}
