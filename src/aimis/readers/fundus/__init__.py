"""The fundus readers: diabetic retinopathy and fundus disease, one network in one pass."""
