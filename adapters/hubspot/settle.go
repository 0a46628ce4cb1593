package hubspot

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// settle answers the rows a batch answer tells of and returns those to send again without what was refused.
func settle(rows []*row, a batchAnswer, begun time.Time) (again []*row) {
	for _, r := range rows {
		switch o, p := a.result(r), a.problem(r); {
		case o != nil:
			r.applied(*o, begun)
		case p != nil:
			if r.failed(*p, 0) {
				again = append(again, r)
			}
		default:
			r.fail(&adapters.Error{Class: adapters.Retry, Detail: "hubspot's answer leaves this record out"})
		}
	}
	return again
}

// result finds a row's result: by its trace id, or where that is not answered, by what identifies the record.
func (a batchAnswer) result(r *row) *object {
	i := slices.IndexFunc(a.Results, func(o object) bool {
		switch {
		case o.TraceID != "":
			return o.TraceID == r.trace
		case r.create:
			return o.text(UniqueProperty) == r.id
		}
		return o.ID == r.id || slices.Contains(o.list("hs_merged_object_ids"), r.id)
	})
	if i < 0 || whole(json.Number(a.Results[i].ID)) == 0 {
		return nil
	}
	return &a.Results[i]
}

func (a batchAnswer) problem(r *row) *problem {
	i := slices.IndexFunc(a.Errors, func(p problem) bool {
		if traces := p.Context["objectWriteTraceId"]; len(traces) > 0 {
			return slices.Contains(traces, r.trace)
		}
		return slices.Contains(p.Context["ids"], r.id) || slices.Contains(p.Context["id"], r.id)
	})
	if i < 0 {
		return nil
	}
	return &a.Errors[i]
}

func (r *row) applied(o object, begun time.Time) {
	*r.answer = adapters.WriteAnswer{
		Record: record(o.ID), Created: o.New != nil && *o.New, Shows: o.values(),
		Clock: orElse(o.updated(), begun.UnixMicro()),
	}
	if len(r.refused) > 0 {
		r.answer.Refused = r.refused
	}
	if len(r.kept.Shows) > 0 { // as of the look before it: what was changed after that is told as later
		maps.Copy(r.answer.Shows, r.kept.Shows)
		r.answer.Clock = r.kept.Clock
	}
}

// failed settles a row HubSpot refused; true when it is to be sent again without what was refused.
func (r *row) failed(p problem, status int) bool {
	existing := p.existing()
	switch {
	case r.create && !existing.IsZero():
		r.fail(&adapters.Error{
			Class: adapters.Rejected, Reason: domain.ReasonExists, Existing: existing,
			Status: orElse(status, http.StatusConflict), Detail: "hubspot has a contact with this email already",
		})
		return false
	case !existing.IsZero():
		return r.retryWithout(map[string]string{"email": "the email belongs to " + existing.String()})
	case p.Category == "OBJECT_NOT_FOUND" || status == http.StatusNotFound:
		r.fail(&adapters.Error{
			Class: adapters.Rejected, Reason: domain.ReasonGone, Status: http.StatusNotFound,
			Detail: "hubspot has no such record",
		})
		return false
	case p.transient():
		r.fail(&adapters.Error{Class: adapters.Retry, Status: status, Detail: p.text(status)})
		return false
	}
	why := map[string]string{}
	for _, f := range p.faults() {
		why[f.Name] = f.Error
	}
	return r.retryWithout(why)
}

// transient row errors are not about the row.
func (p problem) transient() bool {
	return p.Category == "INTERNAL_ERROR" || p.Category == "RATE_LIMITS"
}

func (r *row) retryWithout(why map[string]string) bool {
	if r.refuse(why) && len(r.props) > 0 && r.tries < maxTries {
		return true
	}
	r.fail(r.invalid())
	return false
}

// aboutOurKey is true when what HubSpot refuses is the upsert by our property, not a row of it.
func (p problem) aboutOurKey() bool {
	return nonUniqueKey.MatchString(p.Message) ||
		slices.ContainsFunc(p.faults(), func(f fault) bool {
			return f.Name == UniqueProperty && f.Error == "PROPERTY_DOESNT_EXIST"
		})
}
