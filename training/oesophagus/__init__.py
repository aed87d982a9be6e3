"""The oesophagus network: data, training, export, calibration, evaluation."""
