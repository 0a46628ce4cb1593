package aloware

import (
	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func failed(record domain.Record, err *adapters.Error) adapters.WriteAnswer {
	return adapters.WriteAnswer{Record: record, Err: err}
}

// shows answers with the contact as seen.
func shows(found sighting, refused map[string]string) adapters.WriteAnswer {
	ans := adapters.WriteAnswer{
		Record: found.record, Shows: found.properties, Clock: found.clock, Complete: found.complete(),
	}
	if len(refused) > 0 {
		ans.Refused = refused
	}
	return ans
}

// refusedAll answers for an update of which nothing could be sent; what the contact shows is told all the same.
func refusedAll(found sighting, err *adapters.Error) adapters.WriteAnswer {
	ans := shows(found, nil)
	ans.Err = err
	return ans
}

// taken answers a create that found somebody. After a doubt that is most likely our own create, if it shows all that was
// sent; for certain it cannot be told, so the caller gets it and decides whether to link it.
func taken(found sighting, w adapters.Write) adapters.WriteAnswer {
	ans := shows(found, nil)
	ans.Created = w.Again && found.complete() && found.holdsSent(w.Values)
	ans.Err = &adapters.Error{
		Class: adapters.Rejected, Reason: domain.ReasonExists, Existing: found.record,
		Detail: "aloware: a contact with this phone exists already",
	}
	return ans
}

// moved answers an update whose phone no longer leads to the linked record. Nothing is told about the other contact
// but its id.
func moved(linked domain.Record, found sighting) adapters.WriteAnswer {
	detail := "aloware: no contact holds this phone any more"
	if found.exists {
		detail = "aloware: another contact holds this phone"
	}
	return failed(linked, &adapters.Error{
		Class: adapters.Rejected, Reason: domain.ReasonMoved, Existing: found.record, Detail: detail,
	})
}
