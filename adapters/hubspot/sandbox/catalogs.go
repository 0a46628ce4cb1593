package sandbox

import (
	"net/http"
	"strconv"
)

func (s *Sandbox) catalogRoutes(mux *http.ServeMux) {
	s.on(mux, "GET /account-info/v3/details", false, func(call) (int, any, *problem) {
		return http.StatusOK, map[string]any{
			"portalId": s.number(s.cfg.Portal), "accountType": "STANDARD", "timeZone": "US/Pacific",
			"companyCurrency": "USD", "uiDomain": "app.hubspot.com", "utcOffset": "-08:00",
			"utcOffsetMilliseconds": -28_800_000, "dataHostingLocation": "na1",
		}, nil
	})
	s.on(mux, "GET /crm/v3/owners", false, func(c call) (int, any, *problem) {
		return s.listOwners(c.URL.Query())
	})
	s.on(mux, "GET /crm/v3/owners/{id}", false, func(c call) (int, any, *problem) {
		for _, o := range s.owners {
			if o["id"] == c.PathValue("id") {
				return http.StatusOK, o, nil
			}
		}
		return 0, nil, notFound()
	})
	s.on(mux, "GET /crm/v3/pipelines/{type}/{id}", false, func(c call) (int, any, *problem) {
		if c.PathValue("id") != pipeline["id"] {
			return 0, nil, notFound()
		}
		return http.StatusOK, pipeline, nil
	})
	s.on(mux, "GET /crm/v3/pipelines/{type}", false, func(call) (int, any, *problem) {
		return http.StatusOK, page([]any{pipeline}, ""), nil
	})
	s.on(mux, "GET /calling/v1/dispositions", false, func(call) (int, any, *problem) {
		return http.StatusOK, s.outcomes, nil
	})
}

// number writes a numeric id as HubSpot does; 0 when it is none.
func (s *Sandbox) number(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

func owner(id, userID int, email, first, last string) map[string]any {
	return map[string]any{
		"id": strconv.Itoa(id), "userId": userID, "userIdIncludingInactive": userID, "email": email,
		"firstName": first, "lastName": last, "type": "PERSON", "archived": false, "teams": []any{},
	}
}

func newOwners() []map[string]any {
	return []map[string]any{
		owner(71, 7, "priya.shah@acme.example", "Priya", "Shah"),
		owner(72, 8, "sam.ortiz@acme.example", "Sam", "Ortiz"),
		owner(73, 9, "dana@acme.example", "Dana", "Novák"),
	}
}

func stage(id, label string, order int, closed, probability string) map[string]any {
	return map[string]any{
		"id": id, "label": label, "displayOrder": order, "archived": false,
		"metadata": map[string]string{"isClosed": closed, "probability": probability},
	}
}

var pipeline = map[string]any{
	"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "archived": false,
	"stages": []any{
		stage("appointmentscheduled", "Appointment Scheduled", 0, "false", "0.2"),
		stage("qualifiedtobuy", "Qualified To Buy", 1, "false", "0.4"),
		stage("contractsent", "Contract Sent", 2, "false", "0.9"),
		stage("closedwon", "Closed Won", 3, "true", "1.0"),
		stage("closedlost", "Closed Lost", 4, "true", "0.0"),
	},
}

func newOutcomes() []callOutcome {
	return []callOutcome{
		{"9d9162e7-6cf3-4944-bf63-4dff82258764", "Busy"},
		{"f240bbac-87c9-4f6e-bf70-924b57d47db7", "Connected"},
		{"a4c4c377-d246-4b32-a13b-75a56a4cd0ff", "Left live message"},
		{"b2cf5968-551e-4856-9783-52b3da59a7d0", "Left voicemail"},
		{"73a0d17f-1163-4015-bdd5-ec830791da20", "No answer"},
		{"17b47fee-58de-441e-a44c-c6300d46f273", "Wrong number"},
	}
}
