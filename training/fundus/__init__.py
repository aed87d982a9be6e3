"""The fundus network: data, training, export, calibration, evaluation."""
